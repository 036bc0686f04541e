import type { Clock } from '@eterne/runtime';
import type { VerifyJob } from '../../protocol/messages/verify.ts';
import type { LastVerify, VerifyProgress } from '../api.ts';

/** The figures of a verify that status shows: of the one under way, and of the last one. */
export class VerifyFigures {
  readonly #clock: Clock;
  readonly #volume: { readonly sizeBytes: number };
  #job: VerifyJob | undefined;
  #checkedBytes = 0;
  #differingBytes = 0;
  #wireBytes = 0;
  #begunBootMs = 0;
  #last: LastVerify | null = null;

  constructor(clock: Clock, volume: { readonly sizeBytes: number }) {
    this.#clock = clock;
    this.#volume = volume;
  }

  get checkedBytes(): number {
    return this.#checkedBytes;
  }

  get differingBytes(): number {
    return this.#differingBytes;
  }

  get wireBytes(): number {
    return this.#wireBytes;
  }

  get last(): LastVerify | null {
    return this.#last;
  }

  begun(job: VerifyJob): void {
    this.#job = job;
    this.#checkedBytes = 0;
    this.#differingBytes = 0;
    this.#wireBytes = 0;
    this.#begunBootMs = this.#clock.bootMs();
  }

  checked(bytes: number): void {
    this.#checkedBytes += bytes;
  }

  differ(bytes: number): void {
    this.#differingBytes += bytes;
  }

  /** Went over the link, either way. */
  moved(wireBytes: number): void {
    this.#wireBytes += wireBytes;
  }

  ended(result: Omit<LastVerify, 'method' | 'endedWallMs'>): void {
    this.#last = { ...result, method: this.#job ?? 'direct', endedWallMs: this.#clock.wallMs() };
    this.#job = undefined;
  }

  /** Null while none is under way. */
  get progress(): VerifyProgress | null {
    if (this.#job === undefined) return null;
    return {
      method: this.#job,
      checkedBytes: this.#checkedBytes,
      totalBytes: this.#volume.sizeBytes,
      differingBytes: this.#differingBytes,
      etaMs: this.#etaMs(),
    };
  }

  #etaMs(): number | null {
    if (this.#checkedBytes === 0) return null;
    const elapsedMs = this.#clock.bootMs() - this.#begunBootMs;
    return Math.round((elapsedMs * (this.#volume.sizeBytes - this.#checkedBytes)) / this.#checkedBytes);
  }
}
