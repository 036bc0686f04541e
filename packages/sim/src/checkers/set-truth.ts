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
 * What is true of the in-sync set, as the agreed register says, and which members are *weak*: they lost power while in the
 * set and were not made equal since, so they may lack what no flush had covered. A weak member that is promoted is like a
 * disk after a power cut; the history is told, and expects no more of it than of a disk.
 */
export class SetTruth {
  committed: Committed = { term: 0, holder: undefined, version: 0, members: [] };
  private readonly weakMembers = new Set<string>();
  private readonly lossyTerms = new Set<number>();
  private readonly history: History;

  constructor(history: History) {
    this.history = history;
  }

  get members(): readonly string[] {
    return this.committed.members;
  }

  get weak(): ReadonlySet<string> {
    return this.weakMembers;
  }

  /** The holder of the present term serves. True when it may have lost what no flush covered; what it has is now what counts. */
  served(): boolean {
    const lossy = this.lossyTerms.has(this.committed.term);
    if (lossy) this.weakMembers.clear();
    return lossy;
  }

  lostPower(node: string): void {
    if (this.members.includes(node)) this.weakMembers.add(node);
  }

  /** True when the new term's holder may have lost what no flush covered. */
  commit(next: Committed): boolean {
    const before = this.committed;
    this.committed = next;
    for (const node of this.weakMembers) if (!next.members.includes(node)) this.weakMembers.delete(node);
    if (next.term === before.term || !this.weakMembers.has(next.holder ?? '')) return false;
    this.lossyTerms.add(next.term);
    this.history.lose();
    return true;
  }

  /** A weak member that both it, in its new life, and a holder that is not weak call equal has everything again. True when there is one. */
  forgive(statusOf: (node: string) => VolumeStatus | undefined): boolean {
    const { holder } = this.committed;
    if (holder === undefined || this.weakMembers.has(holder)) return false;
    const before = this.weakMembers.size;
    for (const node of this.weakMembers) {
      const own = statusOf(node);
      const seen = statusOf(holder)?.peers.find((peer) => peer.node === node);
      const back = own?.peers.find((peer) => peer.node === holder);
      const equal = [seen, back].every(
        (peer) => peer?.connection === 'Connected' && peer.replication === 'Established',
      );
      if (equal && own?.disk === 'UpToDate' && seen?.disk === 'UpToDate') this.weakMembers.delete(node);
    }
    return this.weakMembers.size < before;
  }
}
