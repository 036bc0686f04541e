/**
 * The end of a worker that was asked to end. One that has not after `timeoutMs` is killed. Inside a system call that never returns not even that
 * ends it: after as long again nobody waits for it any more, and `gone` is called.
 */
import type { Timer, Timers } from '@eterne/runtime';
import type { Worker } from '@eterne/runtime/node/worker.ts';

export class WorkerEnd {
  #timer: Timer;

  constructor(
    timers: Pick<Timers, 'after'>,
    worker: Pick<Worker, 'kill'>,
    timeoutMs: number,
    gone: () => void,
  ) {
    this.#timer = timers.after(timeoutMs, () => {
      worker.kill('SIGKILL');
      this.#timer = timers.after(timeoutMs, gone);
    });
  }

  /** It has ended. */
  cancel(): void {
    this.#timer.cancel();
  }
}
