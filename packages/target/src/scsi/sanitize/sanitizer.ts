/**
 * The driver of one logical unit's sanitize operations (SBC-3 §4.11).
 * ```
 *          start                     record durable               all written, flushed and struck out
 *   idle ─────────▶ starting ───────────────────────▶ running ────────────────────────────────────────▶ idle
 *    ▲                │ not durable: idle               │ anything failed
 *    └──EXIT FAILURE MODE (AUSE), struck out── failed ◀─┘       failed ──start──▶ starting
 * ```
 * Duties:
 * 1. The record is durable before the first block changes and before an immediate command is GOOD: whatever happens to the process, the next one goes on.
 * 2. From `starting` on nothing else reaches the medium: new commands are refused, those that have begun are waited for.
 * 3. The record is struck out, durably, before the unit takes commands again: a restart must never erase what was written afterwards. When that
 *    fails the sanitize operation has failed, and the unit stays as it is.
 * 4. Only its end ends it: aborts, resets and lost sessions do not touch it; who asked for it may be gone.
 * 5. An overwrite keeps to its pace, so that the other LUNs of the store underneath are served meanwhile. Every pass is flushed, or a cache
 *    would make one of several.
 */
import { assert, type EterneError } from '@eterne/base';
import { SENSE, type Sense } from '@eterne/iscsi';
import type { Clock, DeviceErrorCode, Timers } from '@eterne/runtime';
import { MAX_RANGE_BYTES, OVERWRITE_PIECE_BYTES, SANITIZE_CHECKPOINT_BYTES } from '../../limits.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { SanitizeJob, SanitizeRecord, SanitizeStore } from './record.ts';

/** What initiators may begin: nothing, BLOCK ERASE (of thin units), that and OVERWRITE. */
export const SANITIZE_CHOICES = ['off', 'erase', 'overwrite'] as const;
export type SanitizeChoice = (typeof SANITIZE_CHOICES)[number];

export interface SanitizeSite {
  readonly timers: Pick<Timers, 'after'>;
  readonly clock: Pick<Clock, 'bootMs'>;
  readonly store: SanitizeStore;
  /** What a former process began. */
  readonly found: SanitizeRecord | undefined;
  readonly offers: SanitizeChoice;
  /** Of an overwrite. */
  readonly bytesPerSecond: number;
}

type Done = (refused: Sense | undefined) => void;
type Failure = DeviceErrorCode | EterneError | undefined;

interface Running {
  readonly kind: 'running';
  readonly job: SanitizeJob;
  readonly sizeBytes: number;
  doneBytes: number;
  /** Of which a restart knows. */
  notedBytes: number;
  readonly ended: Done;
}

type State =
  { readonly kind: 'idle' | 'starting' } | Running | { readonly kind: 'failed'; readonly job: SanitizeJob };

export class Sanitizer {
  readonly #unit: LogicalUnit;
  readonly #site: SanitizeSite;
  #state: State = { kind: 'idle' };
  #onStopped: (() => void) | undefined;

  constructor(unit: LogicalUnit, site: SanitizeSite) {
    this.#unit = unit;
    this.#site = site;
  }

  get offersErase(): boolean {
    return this.#site.offers !== 'off' && this.#unit.attributes.thin;
  }

  get offersOverwrite(): boolean {
    return this.#site.offers === 'overwrite';
  }

  /** Why commands for the medium are refused; undefined: they are not. */
  get refusal(): Sense | undefined {
    const state = this.#state;
    switch (state.kind) {
      case 'idle':
        return undefined;
      case 'starting':
        return { ...SENSE.sanitizeInProgress, progress: 0 };
      case 'running':
        return { ...SENSE.sanitizeInProgress, progress: Math.floor(shareOf(state) * 0x1_0000) };
      case 'failed':
        return SENSE.sanitizeFailed;
    }
  }

  /** For people: undefined when nothing is being sanitized. */
  get status(): { readonly state: 'running' | 'failed'; readonly percent: number } | undefined {
    const state = this.#state;
    if (state.kind === 'idle') return undefined;
    if (state.kind === 'failed') return { state: 'failed', percent: 0 };
    return { state: 'running', percent: state.kind === 'running' ? Math.floor(shareOf(state) * 100) : 0 };
  }

  /** Goes on with what a former process began. */
  resume(): void {
    const { found } = this.#site;
    if (found === undefined) return;
    if (found.state === 'failed') this.#state = { kind: 'failed', job: found.job };
    // A LUN of another size is another one: from the beginning.
    else this.#run(found.job, found.sizeBytes === this.#sizeBytes ? found.doneBytes : 0, () => {});
  }

  /** `began`: it will come to its end now, or why it has not begun; `ended`: it has, or how it failed. */
  start(job: SanitizeJob, began: Done, ended: Done): void {
    const before = this.#state;
    assert(before.kind === 'idle' || before.kind === 'failed', 'one sanitize operation at a time');
    this.#state = { kind: 'starting' };
    const record = { job, state: 'running', sizeBytes: this.#sizeBytes, doneBytes: 0 } as const;
    this.#site.store.save(record, (error) => {
      if (error !== undefined) {
        this.#state = before;
        began(SENSE.internalTargetFailure);
        return this.#onStopped?.();
      }
      began(undefined);
      this.#run(job, 0, ended);
    });
  }

  /** EXIT FAILURE MODE. */
  exitFailure(done: Done): void {
    const state = this.#state;
    if (state.kind !== 'failed') return done(undefined);
    if (!state.job.unrestricted) return done(SENSE.invalidFieldInCdb);
    this.#state = { kind: 'starting' };
    this.#site.store.save(undefined, (error) => {
      this.#state = error === undefined ? { kind: 'idle' } : state;
      done(error === undefined ? undefined : SENSE.internalTargetFailure);
      this.#onStopped?.();
    });
  }

  /** Whether a SANITIZE with this AUSE bit may follow: the failure of a restricted one is ended by a restricted one only. */
  admits(unrestricted: boolean): boolean {
    return this.#state.kind !== 'failed' || this.#state.job.unrestricted || !unrestricted;
  }

  get isBusy(): boolean {
    return this.#state.kind === 'starting' || this.#state.kind === 'running';
  }

  /** Stops where it is; the next process goes on. `done` when it touches the medium no more. */
  close(done: () => void): void {
    if (this.isBusy) this.#onStopped = done;
    else done();
  }

  get #sizeBytes(): number {
    return this.#unit.blocks * this.#unit.blockBytes;
  }

  #run(job: SanitizeJob, doneBytes: number, ended: Done): void {
    const state: Running = {
      kind: 'running',
      job,
      sizeBytes: this.#sizeBytes,
      doneBytes,
      notedBytes: doneBytes,
      ended,
    };
    this.#state = state;
    this.#unit.whenQuiet(() => {
      const { atomic } = this.#unit.attributes;
      if (atomic === undefined) this.#next(state);
      else atomic.forget((error) => (error === undefined ? this.#next(state) : this.#fail(state)));
    });
  }

  #next(state: Running): void {
    if (this.#onStopped !== undefined) return this.#onStopped();
    if (state.doneBytes >= totalBytes(state)) return this.#finish(state);
    const at = state.doneBytes % state.sizeBytes;
    const pieceBytes = state.job.method.kind === 'overwrite' ? OVERWRITE_PIECE_BYTES : MAX_RANGE_BYTES;
    const lengthBytes = Math.min(pieceBytes, state.sizeBytes - at);
    const beganMs = this.#site.clock.bootMs();
    this.#write(state, at, lengthBytes, (error) => {
      if (error !== undefined) return this.#fail(state);
      state.doneBytes += lengthBytes;
      const passEnds = at + lengthBytes === state.sizeBytes;
      const then = (): void => this.#inPace(state, lengthBytes, beganMs);
      if (passEnds || state.doneBytes - state.notedBytes >= SANITIZE_CHECKPOINT_BYTES)
        this.#note(state, then);
      else then();
    });
  }

  #write(state: Running, at: number, lengthBytes: number, done: (error: Failure) => void): void {
    const { device, blockBytes } = this.#unit;
    const { method } = state.job;
    if (method.kind === 'block-erase') return device.writeZeroes(at, lengthBytes, true, false, done);
    const pass = Math.floor(state.doneBytes / state.sizeBytes);
    const block = blockOfPass(method, pass, blockBytes);
    device.write(at, Buffer.alloc(lengthBytes, block), false, done);
  }

  /** What is written so far is durable, and a restart knows it. */
  #note(state: Running, then: () => void): void {
    this.#unit.device.flush((error) => {
      if (error !== undefined) return this.#fail(state);
      const { job, sizeBytes, doneBytes } = state;
      this.#site.store.save({ job, state: 'running', sizeBytes, doneBytes }, (saveError) => {
        if (saveError !== undefined) return this.#fail(state);
        state.notedBytes = doneBytes;
        then();
      });
    });
  }

  #inPace(state: Running, lengthBytes: number, beganMs: number): void {
    if (state.job.method.kind === 'block-erase') return this.#next(state);
    const dueMs = beganMs + (lengthBytes / this.#site.bytesPerSecond) * 1000;
    this.#site.timers.after(Math.max(0, dueMs - this.#site.clock.bootMs()), () => this.#next(state));
  }

  #finish(state: Running): void {
    this.#site.store.save(undefined, (error) => {
      if (error !== undefined) return this.#fail(state);
      this.#state = { kind: 'idle' };
      state.ended(undefined);
      this.#onStopped?.();
    });
  }

  /** When this cannot be noted the next process tries again what failed here, which the unit waits for just as well. */
  #fail(state: Running): void {
    const { job, sizeBytes, doneBytes } = state;
    this.#site.store.save({ job, state: 'failed', sizeBytes, doneBytes }, () => {
      this.#state = { kind: 'failed', job };
      state.ended(SENSE.sanitizeFailed);
      this.#onStopped?.();
    });
  }
}

const totalBytes = ({ job: { method }, sizeBytes }: Running): number =>
  sizeBytes * (method.kind === 'overwrite' ? method.passes : 1);

const shareOf = (state: Running): number => Math.min(state.doneBytes / totalBytes(state), 0xffff / 0x1_0000);

/** One logical block, which begins with the pattern and repeats it; the last pass is never inverted. */
function blockOfPass(
  { pattern, passes, invert }: Extract<SanitizeJob['method'], { kind: 'overwrite' }>,
  pass: number,
  blockBytes: number,
): Buffer {
  const block = Buffer.alloc(blockBytes, pattern);
  const inverted = invert && (passes - 1 - pass) % 2 === 1;
  return inverted ? (block.map((byte) => byte ^ 0xff) as Buffer) : block;
}
