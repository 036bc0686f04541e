/** Messages that were dropped because they could not be believed, counted by reason. The same words for heartbeats, slots and the log's transport. */

/**
 * - `malformed`  truncated, too long, damaged, or not readable
 * - `forged`     not sealed with the cluster's key; so is what another cluster sends, whose name is not readable without the key
 * - `version`    of a program that speaks another version
 * - `foreign`    meant for another node, another disk or another cluster
 * - `stranger`   of who is no member (any more): a stale identity
 * - `replayed`   seen before, out of order, or of a session that is over
 * - `parted`     of a half of a pair that went on without this node (raft/tie/lineage.ts), or of who was left out (raft/tie/barred.ts): only in the log
 */
export const DROP_REASONS = [
  'malformed',
  'forged',
  'version',
  'foreign',
  'stranger',
  'replayed',
  'parted',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];
export type DropCounts = Readonly<Record<DropReason, number>>;

export const NO_DROPS: DropCounts = {
  malformed: 0,
  forged: 0,
  version: 0,
  foreign: 0,
  stranger: 0,
  replayed: 0,
  parted: 0,
};

export class Drops {
  #counts = NO_DROPS;

  get counts(): DropCounts {
    return this.#counts;
  }

  count(reason: DropReason): void {
    this.#counts = { ...this.#counts, [reason]: this.#counts[reason] + 1 };
  }
}
