/** Linearizable reads in flight: asked of the leader until it answers, then held until this member has applied as far. */
import { EterneError } from '@eterne/base';
import type { LogIndex } from './types.ts';

interface Barrier {
  readonly done: (error: EterneError | undefined) => void;
  readonly deadlineMs: number;
  askedMs: number;
  askedOf: string | undefined;
  /** Known once the leader has answered. */
  index: LogIndex | undefined;
}

export const BARRIERS_MAX = 256;

/** How long what was asked of the leader waits. */
export interface AskingTimes {
  /** Without an answer so long, it is given up. */
  readonly giveUpMs: number;
  /** Asked again of the same leadership after this. */
  readonly resendMs: number;
}

export class Barriers {
  readonly #open = new Map<number, Barrier>();
  readonly #times: () => AskingTimes;
  #last: number;

  /** `session` keeps an answer to an earlier life of this member from answering a question of this one. */
  constructor(session: number, times: () => AskingTimes) {
    this.#last = session * 2 ** 32;
    this.#times = times;
  }

  get size(): number {
    return this.#open.size;
  }

  add(done: (error: EterneError | undefined) => void, nowMs: number): EterneError | undefined {
    if (this.#open.size >= BARRIERS_MAX)
      return new EterneError('busy', 'too many reads wait for the cluster log');
    this.#last += 1;
    this.#open.set(this.#last, {
      done,
      deadlineMs: nowMs + this.#times().giveUpMs,
      askedMs: 0,
      askedOf: undefined,
      index: undefined,
    });
    return undefined;
  }

  /** Asks (again) whatever this leadership has not answered. */
  ask(leadership: string, nowMs: number, ask: (context: number) => void): void {
    for (const [context, barrier] of this.#open) {
      if (barrier.index !== undefined) continue;
      if (barrier.askedOf === leadership && nowMs - barrier.askedMs < this.#times().resendMs) continue;
      barrier.askedOf = leadership;
      barrier.askedMs = nowMs;
      ask(context);
    }
  }

  answered(context: number, index: LogIndex): void {
    const barrier = this.#open.get(context);
    if (barrier) barrier.index ??= index;
  }

  release(appliedIndex: LogIndex): void {
    for (const [context, barrier] of this.#open) {
      if (barrier.index === undefined || barrier.index > appliedIndex) continue;
      this.#open.delete(context);
      barrier.done(undefined);
    }
  }

  expire(nowMs: number): void {
    for (const [context, barrier] of this.#open) {
      if (nowMs < barrier.deadlineMs) continue;
      this.#open.delete(context);
      barrier.done(
        new EterneError('no-quorum', 'the cluster log has no majority: nothing can be read for certain'),
      );
    }
  }

  abandon(error: EterneError): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const barrier of open) barrier.done(error);
  }
}
