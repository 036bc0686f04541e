/**
 * A timer outside this program that resets the machine unless it is fed in time: a kernel watchdog (Linux Documentation/watchdog/watchdog-api.rst),
 * or a program behind a unix socket that does the same to whatever it watches.
 *
 * On a socket: one line `timeout <ms>`, then any byte feeds, `V` disarms, and an end without `V` does not.
 */
import type { EterneError } from '@eterne/base';

export interface Watchdog {
  /** What it really keeps to; perhaps longer than asked for. */
  readonly timeoutMs: number;
  feed(): void;
  /** It will not reset the machine any more. */
  disarm(): void;
  /** It cannot be fed any more. One listener. */
  onLost(listener: (error: EterneError) => void): void;
}

export interface Watchdogs {
  /** `device`: a character device, or `unix:PATH`. It is armed from then on. */
  open(device: string, timeoutMs: number, done: (result: Watchdog | EterneError) => void): void;
}
