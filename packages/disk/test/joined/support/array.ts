import { EterneError } from '@eterne/base';
import type { BlockStore, OpenStoreOptions, StoreDone, StoreError } from '@eterne/runtime';
import { MemoryDisk, storeOn } from '../../engine/support/memory-disk.ts';
import type { Scheduler } from '../../engine/support/scheduler.ts';

const GONE: StoreError = { kind: 'device', errno: 'EIO', message: 'the array is gone' };
const TAKEN: StoreError = {
  kind: 'reservation-conflict',
  errno: 'EBUSY',
  message: 'reserved by another host',
};

/** A disk array with one LUN that several hosts reach; who opens it for writing holds its reservation. */
export class DiskArray {
  readonly name: string;
  readonly disk: MemoryDisk;
  holder: string | undefined;
  #isUp = true;
  /** Sessions of before a failure are dead for good. */
  #era = 0;
  /** What was on its way in these never arrived. */
  readonly #lostEras = new Set<number>();
  readonly #unanswered = new Set<StoreDone>();
  readonly #scheduler: Scheduler;
  readonly #delayMs: () => number;

  constructor(name: string, sizeBytes: number, scheduler: Scheduler, delayMs: () => number) {
    this.name = name;
    this.disk = new MemoryDisk(sizeBytes);
    this.#scheduler = scheduler;
    this.#delayMs = delayMs;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  fail(power = false): void {
    this.#isUp = false;
    if (power) this.#lostEras.add(this.#era);
    this.#era += 1;
    if (!power) return;
    this.disk.losePower();
    for (const done of this.#unanswered) this.#scheduler.at(0.1, () => done(GONE));
    this.#unanswered.clear();
  }

  restore(): void {
    this.#isUp = true;
  }

  /** Another array in its place. */
  wipe(): void {
    this.disk.content.fill(0);
  }

  open(
    host: string,
    isDead: () => boolean,
    { mayPreempt, readOnly }: OpenStoreOptions,
    done: (result: BlockStore | EterneError) => void,
  ): void {
    this.#scheduler.at(0.1, () => {
      if (isDead()) return;
      if (!this.#isUp) return done(new EterneError('unreachable', `${this.name} does not answer`));
      if (readOnly !== true && this.holder !== undefined && this.holder !== host && mayPreempt?.() !== true)
        return done(new EterneError('busy', `${this.name} is reserved by another host`));
      if (readOnly !== true) this.holder = host;
      done(this.#session(host, isDead));
    });
  }

  #session(host: string, isDead: () => boolean): BlockStore {
    const era = this.#era;
    const isLost = (): boolean => isDead() || this.#lostEras.has(era);
    const store = storeOn(this.disk, this.#scheduler, isLost, this.#delayMs);
    const guarded =
      (isWrite: boolean, act: (done: StoreDone) => void) =>
      (done: StoreDone): void => {
        const problem = (): StoreError | undefined => {
          if (era !== this.#era || !this.#isUp) return GONE;
          return isWrite && this.holder !== host ? TAKEN : undefined;
        };
        const refusal = problem();
        if (refusal !== undefined) {
          this.#scheduler.at(0.1, () => {
            if (!isDead()) done(refusal);
          });
          return;
        }
        // Whoever asked cannot know whether it was still done.
        const answer: StoreDone = (error) => {
          if (!isDead()) done(era === this.#era ? error : GONE);
        };
        this.#unanswered.add(answer);
        act((error) => {
          if (this.#unanswered.delete(answer)) answer(error);
        });
      };
    return {
      get sizeBytes() {
        return store.sizeBytes;
      },
      grow: (sizeBytes, done) => guarded(true, (next) => store.grow?.(sizeBytes, next))(done),
      canPunch: true,
      read: (offset, into, done) => guarded(false, (next) => store.read(offset, into, next))(done),
      write: (offset, from, done) => guarded(true, (next) => store.write(offset, from, next))(done),
      flush: (done) => guarded(true, (next) => store.flush(next))(done),
      discard: (offset, length, done) => guarded(true, (next) => store.discard(offset, length, next))(done),
      writeZeroes: (offset, length, punch, done) =>
        guarded(true, (next) => store.writeZeroes(offset, length, punch, next))(done),
      close: (done) => {
        if (this.holder === host) this.holder = undefined;
        this.#scheduler.at(0.1, () => {
          if (!isDead()) done();
        });
      },
    };
  }
}
