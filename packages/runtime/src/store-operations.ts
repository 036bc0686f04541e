import type { StoreDone, StoreError } from './ports.ts';

export interface StoreOperation {
  readonly startedMs: number;
  readonly done: StoreDone;
}

/** What a backing store is at work on: the oldest operation tells when it hangs, the last one when it may close. */
export class StoreOperations {
  readonly #open = new Set<StoreOperation>();
  readonly #timeoutMs: number;
  readonly #nowMs: () => number;
  #failed: StoreError | undefined;
  #onIdle: (() => void) | undefined;

  constructor(timeoutMs: number, nowMs: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#nowMs = nowMs;
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
    const operation = { startedMs: this.#nowMs(), done };
    this.#open.add(operation);
    return operation;
  }

  end(operation: StoreOperation, error: StoreError | undefined): void {
    if (!this.#open.delete(operation)) return; // it had been given up as overdue
    operation.done(this.#failed ?? error);
    this.#closeIfIdle();
  }

  get isOverdue(): boolean {
    const oldest = this.#open.values().next().value;
    return oldest !== undefined && this.#nowMs() - oldest.startedMs >= this.#timeoutMs;
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
