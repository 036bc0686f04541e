import type { Clock } from '@eterne/runtime';
import type { ResyncStatus } from '../api.ts';

/** The figures of a copy that status shows; they stay when it is over. */
export class ResyncFigures {
  readonly #clock: Clock;
  #kind: ResyncStatus['kind'] = 'none';
  #reason = '';
  #toSyncBytes = 0;
  #remainingBytes = 0;
  #wireBytes = 0;
  #begunBootMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  decided(kind: ResyncStatus['kind'], reason: string): void {
    this.#kind = kind;
    this.#reason = reason;
    this.#wireBytes = 0;
    this.begin(kind, 0);
  }

  begin(kind: ResyncStatus['kind'], toSyncBytes: number): void {
    this.#kind = kind;
    this.#toSyncBytes = toSyncBytes;
    this.#remainingBytes = toSyncBytes;
    this.#begunBootMs = this.#clock.bootMs();
  }

  /** More about why it is as it is. */
  explain(reason: string): void {
    this.#reason = `${this.#reason}; ${reason}`;
  }

  moved(wireBytes: number): void {
    this.#wireBytes += wireBytes;
  }

  remaining(bytes: number): void {
    this.#remainingBytes = bytes;
  }

  /** Of what remained, so much has gone over, in so many bytes. */
  copied(lengthBytes: number, wireBytes: number): void {
    this.#remainingBytes = Math.max(0, this.#remainingBytes - lengthBytes);
    this.#wireBytes += wireBytes;
  }

  status(isRunning: boolean): ResyncStatus {
    return {
      kind: this.#kind,
      reason: this.#reason,
      syncedBytes: Math.max(0, this.#toSyncBytes - this.#remainingBytes),
      toSyncBytes: this.#toSyncBytes,
      wireBytes: this.#wireBytes,
      etaMs: isRunning ? this.#etaMs() : null,
    };
  }

  /** From the mean rate so far; null until something is done. */
  #etaMs(): number | null {
    const synced = this.#toSyncBytes - this.#remainingBytes;
    if (synced <= 0) return null;
    return Math.round(((this.#clock.bootMs() - this.#begunBootMs) * this.#remainingBytes) / synced);
  }
}
