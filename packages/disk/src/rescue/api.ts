/**
 * What the engine sees of a replica's rescue journal. A *point* is a moment of this replica's content: from it on, what a block held is
 * saved, durably, before the block is overwritten for the first time. So the content of that moment can be put back
 * (`rollBack`) or written out as an image (`export`), although the replica goes on.
 *
 * A copy from a peer begins a point (`begin`) and ends it (`copied`). When this side had changes of its own, the point is kept, and
 * saving goes on until the operator drops it or the room is used up. An asynchronous peer that catches up is a copy like any other.
 */
import type { EterneError } from '@eterne/base';
import type { StoreError } from '@eterne/runtime';

/** Stands before the data store (`LocalDisk.guard`): every write asks it first. */
export interface WriteGuard {
  /**
   * `go` without refusal: the range may be overwritten. With one: it must not be, and the write is to be answered with it; the session
   * that it came from is closed already. `data` undefined: zeroes. `go` may come within the call.
   */
  beforeWrite(
    offset: number,
    lengthBytes: number,
    data: Buffer | undefined,
    go: (refusal?: StoreError) => void,
  ): void;
}

export interface RescueConfig {
  readonly path: string;
  readonly maxBytes: number;
  /**
   * No room while a copy overwrites blocks. `pause`: the copy stops until there is. `drop-oldest`: older points go, and when there is
   * none, the copy goes on without a way back. So it does when the journal fails, where `pause` stops it.
   */
  readonly whenFull: 'pause' | 'drop-oldest';
}

/** One entry of `eterne disk rescue list`. */
export interface PointStatus {
  readonly id: number;
  /** `copying`: the copy that began it is not over. `kept`: it is, and this side had changes that the other lacked. */
  readonly state: 'copying' | 'kept';
  readonly peer: string;
  readonly reason: string;
  readonly begunAtWallMs: number;
  /** Pre-images in the journal. */
  readonly savedBytes: number;
  /** Every overwritten block is there: an image of this point is what the replica held then. */
  readonly whole: boolean;
}

export type RescueDone = (error: EterneError | undefined) => void;

/** For the operator. */
export interface RescueControl {
  /** Oldest first. */
  readonly points: readonly PointStatus[];
  /** Why the journal keeps nothing now; undefined while it does. */
  readonly problem: string | undefined;
  /** Why nobody can tell what it holds. */
  readonly unreadable: EterneError | undefined;
  /**
   * Writes what this replica held at a point (undefined: the newest that is kept) into the new file `path`. Of a mirror set: its volume
   * `name`, or all of them, one behind the other.
   */
  export(id: number | undefined, path: string, done: RescueDone, name?: string): void;
  drop(id: number, done: RescueDone): void;
}
