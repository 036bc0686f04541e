import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { History } from './history.ts';

/** A committed state of one volume: its term, who holds it, and the in-sync set. */
export interface Committed {
  readonly term: number;
  readonly holder: string | undefined;
  readonly version: number;
  readonly members: readonly string[];
}

/**
 * What is true of the in-sync set, as the agreed register says, and which replicas are *weak*: they lost power and were not
 * equal to the primary since, so they may lack what no flush had covered, members of the set too (one that is about to be
 * removed, or whose addition was on its way). A weak member that is promoted is like a disk after a power cut; the history is told,
 * and expects no more of it than of a disk.
 */
export class SetTruth {
  committed: Committed = { term: 0, holder: undefined, version: 0, members: [] };
  readonly weak = new Set<string>();
  private readonly lossyTerms = new Set<number>();
  private readonly history: History;

  constructor(history: History) {
    this.history = history;
  }

  get members(): readonly string[] {
    return this.committed.members;
  }

  lostPower(node: string): void {
    this.weak.add(node);
  }

  /** True when the new term's holder may have lost what no flush covered. */
  commit(next: Committed): boolean {
    const isSameTerm = next.term === this.committed.term;
    const isWeak = this.weak.has(next.holder ?? '');
    const isLossy = !isSameTerm && isWeak;
    // Proposed in a former life of its holder, which may be the added one's source once more.
    if (isSameTerm && isWeak)
      for (const node of next.members) if (!this.members.includes(node)) this.weak.add(node);
    this.committed = next;
    if (!isLossy) return false;
    this.lossyTerms.add(next.term);
    this.history.lose();
    return true;
  }

  /** The holder of the present term serves: what it has is what counts. True when it may have lost what no flush covered. */
  served(): boolean {
    this.weak.delete(this.committed.holder ?? '');
    return this.lossyTerms.has(this.committed.term);
  }

  /**
   * A weak replica that both it, in its new life, and a holder that is not weak call equal has everything again. True when there is one. A
   * holder whose disk has failed is outside the set: what it has is a copy of the weak one, which may be the last.
   */
  forgive(statusOf: (node: string) => VolumeStatus | undefined): boolean {
    const { holder } = this.committed;
    if (holder === undefined || this.weak.has(holder) || !this.members.includes(holder)) return false;
    const before = this.weak.size;
    const isEqualFrom = (from: string, to: string): boolean =>
      statusOf(from)?.peers.some(
        ({ node, connection, replication }) =>
          node === to && connection === 'Connected' && replication === 'Established',
      ) === true;
    for (const node of this.weak)
      if (isEqualFrom(node, holder) && isEqualFrom(holder, node)) this.weak.delete(node);
    return this.weak.size < before;
  }
}
