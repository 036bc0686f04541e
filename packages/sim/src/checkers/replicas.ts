import { SECTOR_BYTES } from '../world/page.ts';
import type { ReplicaDisk } from '../world/replica-disk.ts';
import type { Universe } from '../world/universe.ts';
import type { History, Operation } from './history.ts';
import type { SetTruth } from './set-truth.ts';
import { FOREIGN, valueIn } from './stamp.ts';

/**
 * Invariant 1: a write acknowledged in sync mode is on every replica that may ever be promoted without force, that is,
 * on every member of the committed set; and after a flush it is on the platter of each. Looked at on the disks themselves, at
 * every acknowledgement, at every commit, and at each change of a member's disk (invariant 2: nothing older lands on something newer).
 */
export class ReplicaChecker {
  private readonly universe: Universe;
  private readonly history: History;
  private readonly truth: () => Pick<SetTruth, 'members' | 'weak'>;
  private readonly diskOf: (node: string) => ReplicaDisk;

  constructor(
    universe: Universe,
    history: History,
    truth: () => Pick<SetTruth, 'members' | 'weak'>,
    diskOf: (node: string) => ReplicaDisk,
  ) {
    this.universe = universe;
    this.history = history;
    this.truth = truth;
    this.diskOf = diskOf;
  }

  /** A change was acknowledged: every member has it. */
  changed(operation: Operation): void {
    for (const node of this.strongMembers()) {
      this.checkRange(node, operation.firstSector, operation.sectorCount, 'an acknowledged write is missing');
      if (operation.durable) this.checkPlatter(node, operation);
    }
  }

  /** A flush was acknowledged: every member has what it covers on its platter. */
  flushed(covered: readonly Operation[]): void {
    for (const node of this.strongMembers())
      for (const operation of covered) this.checkPlatter(node, operation);
  }

  /** Everything ever written, on every member. */
  sweep(occasion: string): void {
    const touched = this.history.touched();
    for (const node of this.strongMembers())
      for (const sector of touched) this.checkRange(node, sector, 1, occasion);
  }

  /** Bytes have just changed on a disk. */
  landed(node: string, offset: number, lengthBytes: number): void {
    const { members, weak } = this.truth();
    if (!members.includes(node) || weak.has(node)) return;
    this.checkRange(node, offset / SECTOR_BYTES, lengthBytes / SECTOR_BYTES, 'something stale landed');
  }

  private strongMembers(): string[] {
    const { members, weak } = this.truth();
    return members.filter((node) => !weak.has(node));
  }

  private checkRange(node: string, firstSector: number, count: number, what: string): void {
    const disk = this.diskOf(node);
    for (let sector = firstSector; sector < firstSector + count; sector += 1) {
      const value = valueIn(disk.page(sector), sector);
      const isWrong = value === FOREIGN || this.history.isStale(sector, value);
      if (isWrong && !disk.isForgiven(sector))
        this.universe.violate('acknowledged', `${what}: sector ${sector} of ${node} holds write ${value}`);
    }
  }

  private checkPlatter(node: string, { id, firstSector, sectorCount, invokedMs }: Operation): void {
    const disk = this.diskOf(node);
    for (let sector = firstSector; sector < firstSector + sectorCount; sector += 1) {
      const value = valueIn(disk.durablePage(sector), sector);
      const isWrong = value === FOREIGN || this.history.isOlderThan(sector, value, invokedMs);
      if (isWrong && !disk.isForgiven(sector))
        this.universe.violate(
          'durable',
          `write ${id} is flushed, but sector ${sector} of ${node} holds write ${value} durably`,
        );
    }
  }
}
