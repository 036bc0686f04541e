/**
 * What a secondary has taken from its primary and not been told to be durable on every replica. When the primary dies these blocks may
 * differ between the survivors, so they become dirty for all of them; DESIGN §4, "Three or more replicas".
 *
 * Blocks join the open set when their write arrives. FLUSH closes the set under its number, SETTLED drops the sets up to a number.
 */
import { BlockSet } from '../block-set.ts';

/** More closed sets than this are merged: a write that hangs on one replica keeps all later sets from being dropped. */
const MAX_CLOSED = 16;

interface ClosedSet {
  round: number;
  /** The activity log's epoch in which its writes were released at the latest. */
  epoch: number;
  readonly blocks: BlockSet;
}

export class Unsettled {
  /** The flush epoch, in the activity log's sense, of writes applied now. The volume carries it on from one role to the next. */
  epoch = 1;
  #open = new BlockSet();
  #closed: ClosedSet[] = [];

  get isEmpty(): boolean {
    return this.#open.isEmpty && this.#closed.every(({ blocks }) => blocks.isEmpty);
  }

  add(offset: number, lengthBytes: number): void {
    this.#open.add(offset, lengthBytes);
  }

  /** FLUSH: what came before it is one set. */
  close(round: number): void {
    this.#closed.push({ round, epoch: this.epoch, blocks: this.#open });
    this.#open = new BlockSet();
    this.epoch += 1;
    if (this.#closed.length > MAX_CLOSED) this.#mergeOldest();
  }

  /** SETTLED: returns the newest epoch that the activity log may let go, once the dirty bits of absent peers are durable. */
  settle(round: number): number | undefined {
    let epoch: number | undefined;
    while (this.#closed[0] !== undefined && this.#closed[0].round <= round)
      epoch = this.#closed.shift()?.epoch;
    return epoch;
  }

  forEachRun(each: (offset: number, lengthBytes: number) => void): void {
    for (const { blocks } of this.#closed) blocks.forEachRun(each);
    this.#open.forEachRun(each);
  }

  /** Everything is accounted for elsewhere. Returns the newest epoch of what was forgotten. */
  clear(): number {
    this.#closed = [];
    this.#open = new BlockSet();
    this.epoch += 1;
    return this.epoch - 1;
  }

  #mergeOldest(): void {
    const [oldest, next] = this.#closed;
    if (oldest === undefined || next === undefined) return;
    oldest.blocks.forEachRun((offset, lengthBytes) => next.blocks.add(offset, lengthBytes));
    this.#closed.shift();
  }
}
