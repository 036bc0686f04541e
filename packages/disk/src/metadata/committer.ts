/**
 * Makes metadata durable in rounds: collect what every source wants written, write it, flush once, tell the sources.
 *
 * Duties
 * 1. One round at a time: what a source gives in round n+1 is written only after round n is durable, so sources
 *    order their steps by rounds and no two writes of ours are ever in flight on the same bytes.
 * 2. A source hears `written` only after the flush of its round.
 * 3. The first failed write or flush ends everything: nothing is retried (a failed fsync has already lost data), every source hears `failed` once.
 */
import { assert } from '@eterne/base';
import type { BlockStore, StoreError } from '@eterne/runtime';

export interface PageWrite {
  readonly offset: number;
  /** Owned by the round until it is durable. */
  readonly bytes: Buffer;
}

export interface RoundSource {
  /** What to write in the round that starts now, bounded by the source; empty when nothing is due. */
  collect(): readonly PageWrite[];
  /** The round whose `collect` gave something is durable. May request another. */
  written(): void;
  failed(error: StoreError): void;
}

export class Committer {
  readonly #store: BlockStore;
  readonly #sources: RoundSource[] = [];
  #state: 'idle' | 'writing' | 'failed' = 'idle';
  #wanted = false;
  #pumping = false;

  constructor(store: BlockStore) {
    this.#store = store;
  }

  add(source: RoundSource): void {
    this.#sources.push(source);
  }

  /** Some source has something to write. A round starts now, or when the one in flight ends. */
  request(): void {
    this.#wanted = true;
    this.#pump();
  }

  /** A loop, not recursion: stores may call back at once. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#wanted && this.#state === 'idle') this.#startRound();
    this.#pumping = false;
  }

  #startRound(): void {
    this.#wanted = false;
    const participants: RoundSource[] = [];
    const writes: PageWrite[] = [];
    for (const source of this.#sources) {
      const collected = source.collect();
      if (collected.length > 0) participants.push(source);
      writes.push(...collected);
    }
    if (writes.length === 0) return;
    this.#state = 'writing';
    this.#writeAll(writes, (error) => this.#endRound(participants, error));
  }

  #writeAll(writes: readonly PageWrite[], done: (error: StoreError | undefined) => void): void {
    let unfinished = writes.length;
    let firstError: StoreError | undefined;
    const finished = (error: StoreError | undefined): void => {
      firstError ??= error;
      unfinished -= 1;
      if (unfinished > 0) return;
      if (firstError === undefined) this.#store.flush(done);
      else done(firstError);
    };
    for (const { offset, bytes } of writes) this.#store.write(offset, bytes, finished);
  }

  #endRound(participants: readonly RoundSource[], error: StoreError | undefined): void {
    assert(this.#state === 'writing', 'a round ends once');
    if (error === undefined) {
      // Still `writing` until every participant has heard: what one of them wants now waits for the next round.
      for (const source of participants) source.written();
      this.#state = 'idle';
    } else {
      this.#state = 'failed';
      for (const source of this.#sources) source.failed(error);
    }
    this.#pump();
  }
}
