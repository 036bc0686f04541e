import type { StoreDone, StoreError } from './ports.ts';
import { WaitingTime } from './waiting-time.ts';

export interface StoreOperation {
  readonly startedTicks: number;
  readonly done: StoreDone;
}

/** What a backing store is at work on: the oldest operation tells when it hangs, the last one when it may close. */
export class StoreOperations {
  readonly #open = new Set<StoreOperation>();
  readonly #waiting: WaitingTime;
  #failed: StoreError | undefined;
  #onIdle: (() => void) | undefined;

  constructor(timeoutMs: number) {
    this.#waiting = new WaitingTime(timeoutMs);
  }

  get tickMs(): number {
    return this.#waiting.tickMs;
  }

  /** The disk as a whole has failed: every operation ends with this from then on, also those under way that succeed. */
  get failed(): StoreError | undefined {
    return this.#failed;
  }

  /** The first failure stays. */
  fail(error: StoreError): void {
    this.#failed ??= error;
  }

  begin(done: StoreDone): StoreOperation {
    const operation = { startedTicks: this.#waiting.ticks, done };
    this.#open.add(operation);
    return operation;
  }

  end(operation: StoreOperation, error: StoreError | undefined): void {
    if (!this.#open.delete(operation)) return; // it had been given up as overdue
    operation.done(this.#failed ?? error);
    this.#closeIfIdle();
  }

  /** Every `tickMs`. True when the oldest operation is overdue. */
  tick(): boolean {
    this.#waiting.tick();
    const oldest = this.#open.values().next().value;
    return oldest !== undefined && this.#waiting.isOver(oldest.startedTicks);
  }

  /** Ends everything under way with `error`, whatever else has failed before; what comes of it later counts no more. */
  giveUp(error: StoreError): void {
    this.#failed = error;
    for (const operation of this.#open) this.end(operation, error);
  }

  /** Calls `then` once, when nothing is under way. */
  whenIdle(then: () => void): void {
    this.#onIdle = then;
    this.#closeIfIdle();
  }

  /** `whenIdle` may be called from the callback of the last operation, which comes here again. */
  #closeIfIdle(): void {
    if (this.#open.size > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }
}
