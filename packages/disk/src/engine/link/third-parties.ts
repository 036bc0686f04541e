/**
 * What a secondary owes to third replicas for every write that it takes from its primary, so that it can take over from it. Duties:
 *
 * 1. The write's blocks are remembered as unsettled, until the primary says that they are durable everywhere.
 * 2. They are dirty for every third replica that the primary counts bits for.
 * 3. They are in the activity log before they are written: a restart forgets what is remembered in memory only. They enter it in order of
 *    arrival, so that a full log never waits for a write that waits behind it.
 *
 * A mirror of two has no third parties, and none of these costs.
 */
import type { EterneError } from '@eterne/base';
import {
  EXTENT_BYTES,
  NIL_UUID,
  bitmapFor,
  type DirtyBitmap,
  type Generations,
} from '../../metadata/index.ts';
import type { Replica } from '../replica.ts';

export class ThirdParties {
  readonly #replica: Replica;
  readonly #source: string;
  /** Bitmaps of those that `#countedBy` says to lack something. */
  #counted: readonly DirtyBitmap[] = [];
  #countedBy: Generations | undefined;

  constructor(replica: Replica, source: string) {
    this.#replica = replica;
    this.#source = source;
  }

  /** Duties 1 and 2, when the write arrives. */
  received(offset: number, lengthBytes: number): void {
    if (!this.#replica.hasThirdParties) return;
    this.#replica.unsettled.add(offset, lengthBytes);
    for (const bitmap of this.#lacking()) bitmap.markDirty(offset, lengthBytes);
  }

  /** Duty 3. Undefined: nothing to wait for, nothing to release. True: it is covered. False: `ready` comes. */
  cover(
    offset: number,
    lengthBytes: number,
    ready: (error: EterneError | undefined) => void,
  ): boolean | undefined {
    if (!this.#replica.hasThirdParties) return undefined;
    const { activityLog } = this.#replica.metadata;
    if (activityLog.tryTouch(offset, lengthBytes)) return true;
    activityLog.touch(offset, lengthBytes, ready);
    return false;
  }

  /** The epoch of what arrives now: it ends with the primary's next FLUSH, and SETTLED lets the activity log forget it. */
  get epoch(): number {
    return this.#replica.unsettled.epoch;
  }

  /** The write is on the store, or never will be. `epoch`: that of its arrival. */
  release(offset: number, lengthBytes: number, epoch: number): void {
    this.#replica.metadata.activityLog.release(offset, lengthBytes, epoch);
  }

  /** The same duties for blocks that came by a copy, and that some third replica may lack. `done` when they are covered. */
  adopt(runs: readonly { readonly offset: number; readonly lengthBytes: number }[], done: () => void): void {
    if (!this.#replica.hasThirdParties) return done();
    const { metadata, unsettled } = this.#replica;
    const { epoch } = this;
    const extents = new Set<number>();
    for (const { offset, lengthBytes } of runs) {
      unsettled.add(offset, lengthBytes);
      const last = Math.floor((offset + lengthBytes - 1) / EXTENT_BYTES);
      for (let extent = Math.floor(offset / EXTENT_BYTES); extent <= last; extent += 1) extents.add(extent);
    }
    let open = extents.size + 1;
    const finished = (): void => {
      open -= 1;
      if (open === 0) done();
    };
    for (const extent of extents) {
      const offset = extent * EXTENT_BYTES;
      const lengthBytes = Math.min(EXTENT_BYTES, metadata.sizeBytes - offset);
      // A failure is the metadata's, and with it this replica's: the link is closed by then.
      metadata.activityLog.touch(offset, lengthBytes, (error) => {
        if (error !== undefined) return;
        this.release(offset, lengthBytes, epoch);
        finished();
      });
    }
    finished();
  }

  /** FLUSH. */
  closeRound(round: number): void {
    if (this.#replica.hasThirdParties) this.#replica.unsettled.close(round);
  }

  #lacking(): readonly DirtyBitmap[] {
    const { metadata } = this.#replica;
    const { generations } = metadata.state;
    if (generations !== this.#countedBy) {
      this.#countedBy = generations;
      this.#counted = metadata.peers
        .filter((peer) => peer !== this.#source && bitmapFor(generations, peer) !== NIL_UUID)
        .map((peer) => metadata.bitmap(peer));
    }
    return this.#counted;
  }
}
