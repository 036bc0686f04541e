/**
 * Keeps the superblock in its two slots.
 *
 * Duties
 * 1. A change is answered only when it is durable in one slot; `durableState` never runs ahead of the disk.
 * 2. The slot that holds the newest durable state is never the one being written: sequence n lies in slot n mod 2 and
 *    n + 1 is begun only after n is durable. A torn slot therefore costs nothing that was answered.
 * 3. After each change the same state is written again, as the next sequence, so that at rest both slots hold it
 *    and losing either one later loses nothing.
 */
import type { EterneError } from '@eterne/base';
import { assert } from '@eterne/base';
import type { MetadataDone } from './api.ts';
import type { PageWrite } from './committer.ts';
import { PAGE_BYTES, SUPERBLOCK_SLOTS } from './layout.ts';
import type { Superblock } from './superblock.ts';
import { decodeSuperblock, encodeSuperblock } from './superblock.ts';

/** The part of the superblock that changes after creation; the driver adds the sequence. */
export type SuperblockContent = Omit<Superblock, 'sequence'>;

export class SuperblockDriver {
  readonly #request: () => void;
  #sequence: number;
  #durable: SuperblockContent;
  #latest: SuperblockContent;
  #writing: SuperblockContent | undefined;
  #writingWaiters: MetadataDone[] = [];
  #waiters: MetadataDone[] = [];
  #echoDue = false;
  #echoWaiters: MetadataDone[] = [];
  #failure: EterneError | undefined;

  /** `found` is what the newest good slot holds. */
  constructor(found: Superblock, request: () => void) {
    const { sequence, ...content } = found;
    this.#sequence = sequence;
    this.#durable = content;
    this.#latest = content;
    this.#request = request;
  }

  get durable(): SuperblockContent {
    return this.#durable;
  }

  /** What the disk will hold when everything asked for is durable. */
  get latest(): SuperblockContent {
    return this.#latest;
  }

  set(content: SuperblockContent, done: MetadataDone): void {
    if (this.#failure !== undefined) {
      done(this.#failure);
      return;
    }
    this.#latest = content;
    this.#waiters.push(done);
    this.#request();
  }

  /** As `set`, and both slots hold it before `done`. */
  setInBothSlots(content: SuperblockContent, done: MetadataDone): void {
    this.set(content, (error) => {
      if (error !== undefined) done(error);
      else this.#echoWaiters.push(done);
    });
  }

  collect(): PageWrite[] {
    const changed = this.#waiters.length > 0;
    if (!changed && !this.#echoDue) return [];
    assert(this.#writing === undefined, 'one slot at a time');
    this.#writing = this.#latest;
    this.#writingWaiters = this.#waiters;
    this.#waiters = [];
    this.#echoDue = changed;
    const sequence = this.#sequence + 1;
    const bytes = encodeSuperblock({ ...this.#writing, sequence });
    assert(decodeSuperblock(bytes).kind === 'valid', 'what is written can be read');
    return [{ offset: (sequence % SUPERBLOCK_SLOTS) * PAGE_BYTES, bytes }];
  }

  written(): void {
    assert(this.#writing !== undefined, 'a slot was being written');
    this.#sequence += 1;
    this.#durable = this.#writing;
    this.#writing = undefined;
    const waiters = this.#echoDue ? this.#writingWaiters : [...this.#writingWaiters, ...this.#echoWaiters];
    if (!this.#echoDue) this.#echoWaiters = [];
    this.#writingWaiters = [];
    for (const done of waiters) done(undefined);
    if (this.#echoDue || this.#waiters.length > 0) this.#request();
  }

  fail(error: EterneError): void {
    this.#failure = error;
    const waiters = [...this.#writingWaiters, ...this.#waiters, ...this.#echoWaiters];
    this.#writingWaiters = [];
    this.#waiters = [];
    this.#echoWaiters = [];
    for (const done of waiters) done(error);
  }
}
