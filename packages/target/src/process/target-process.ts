/**
 * The supervisor's side of the process of one group of targets: keeps it running and hands it the connections of its initiators.
 * ```
 *   starting ──opened──▶ open ──died──▶ waiting ──back-off──▶ starting
 *      │ first start refused │ silent: killed, then died       │ close
 *      ▼                     ▼ close                           ▼
 *   closed ◀────────────── closing ◀───────────────────────────┘
 * ```
 * While it is not open, or silent, logins are answered "service unavailable", upon which initiators try again. A process that is silent for
 * `HANG_TIMEOUT_MS` is killed; its store stays locked until the kernel lets go of it, and is tried again until then.
 */
import { EterneError, assert, unreachable } from '@eterne/base';
import { RestartDelay } from '@eterne/disk/process/restart-delay.ts';
import { fromWireError } from '@eterne/disk/process/wire-error.ts';
import { WorkerEnd } from '@eterne/disk/process/worker-end.ts';
import { WorkerWatch } from '@eterne/disk/process/worker-watch.ts';
import type { Address, Stream, Timer, World } from '@eterne/runtime';
import type { Worker, WorkerHandler } from '@eterne/runtime/node/worker.ts';
import type { ServedStatus } from '../control.ts';
import { MAX_CONNECTIONS } from '../limits.ts';
import type { TargetGroup } from './groups.ts';
import type { FromTargetWorker, LoginNote, ToTargetWorker } from './messages.ts';

const HANG_TIMEOUT_MS = 30_000;
/** Longer than initiators get to log out and a sound store takes to flush. */
const CLOSE_TIMEOUT_MS = 10_000;
const STATUS_TIMEOUT_MS = 500;

type Done = (error: EterneError | undefined) => void;

export interface TargetProcessOwner {
  readonly world: Pick<World, 'timers' | 'log'>;
  readonly startWorker: (handler: WorkerHandler) => Worker;
}

type State =
  | { readonly kind: 'starting' | 'open'; readonly worker: Worker }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'closing'; readonly worker: Worker; readonly end: WorkerEnd }
  | { readonly kind: 'closed' };

export class TargetProcess {
  readonly group: TargetGroup;
  readonly #owner: TargetProcessOwner;
  readonly #questions = new Map<number, (status: ServedStatus | undefined) => void>();
  #nextQuestion = 1;
  #state: State = { kind: 'closed' };
  #watch: WorkerWatch | undefined;
  #portals: readonly Address[] = [];
  readonly #restartDelay = new RestartDelay();
  /** Connections that it was given since it last said something. */
  #given = 0;
  /** Waits for the first start; undefined once it was told. */
  #started: Done | undefined;
  #onClosed: (() => void)[] = [];

  constructor(group: TargetGroup, owner: TargetProcessOwner) {
    this.group = group;
    this.#owner = owner;
  }

  get pid(): number | undefined {
    return 'worker' in this.#state ? this.#state.worker.pid : undefined;
  }

  /** Whether it takes connections now. */
  get answers(): boolean {
    return this.#state.kind === 'open' && this.#watch?.isSilent === false && this.#given < MAX_CONNECTIONS;
  }

  /** Once. `done` comes when the LUNs are open, or cannot be. */
  start(done: Done): void {
    assert(this.#started === undefined && this.#state.kind === 'closed', 'a target process is started once');
    this.#started = done;
    this.#startWorker();
  }

  announcePortals(addresses: readonly Address[]): void {
    this.#portals = addresses;
    this.#send({ kind: 'portals', addresses });
  }

  /** `surplus`: all that was read of the connection. */
  giveStream(note: LoginNote, stream: Stream, surplus: Buffer): void {
    if (this.#state.kind !== 'open') return stream.destroy();
    this.#given += 1;
    this.#state.worker.sendStream(note, stream, surplus);
  }

  /** Undefined: it does not say. */
  askStatus(done: (status: ServedStatus | undefined) => void): void {
    if (!this.answers || this.#questions.size >= MAX_CONNECTIONS) return done(undefined);
    const id = this.#nextQuestion++;
    const answer = (status: ServedStatus | undefined): void => {
      if (!this.#questions.delete(id)) return;
      timeout.cancel();
      done(status);
    };
    const timeout = this.#owner.world.timers.after(STATUS_TIMEOUT_MS, () => answer(undefined));
    this.#questions.set(id, answer);
    this.#send({ kind: 'status', id });
  }

  /** Clean, as far as its store answers; for good. */
  close(done: () => void): void {
    const state = this.#state;
    if (state.kind === 'closed') return done();
    this.#onClosed.push(done);
    if (state.kind === 'closing') return;
    if (state.kind === 'waiting') {
      state.timer.cancel();
      return this.#closed();
    }
    if (state.kind === 'open') this.#send({ kind: 'close' });
    else state.worker.kill('SIGKILL'); // it serves nobody yet
    this.#closing(state.worker);
  }

  get #names(): readonly string[] {
    return this.group.targets.map(({ iqn }) => iqn);
  }

  #startWorker(): void {
    const worker = this.#owner.startWorker({
      onMessage: (message) => this.#receive(message as FromTargetWorker),
      onExit: (code, signal) => this.#exited(code, signal),
    });
    this.#state = { kind: 'starting', worker };
    this.#watch = new WorkerWatch(this.#owner.world.timers, HANG_TIMEOUT_MS, {
      ask: () => this.#send({ kind: 'ping' }),
      hung: (silentMs) => this.#hung(worker, silentMs),
      waitedForProcessorMs: () => worker.waitedForProcessorMs(),
    });
    this.#send({ kind: 'open', ...this.group });
  }

  #send(message: ToTargetWorker): void {
    if ('worker' in this.#state) this.#state.worker.send(message);
  }

  #receive(message: FromTargetWorker): void {
    this.#watch?.heard();
    this.#given = 0;
    switch (message.kind) {
      case 'pong':
        return;
      case 'opened':
        return this.#opened();
      case 'refused':
        return this.#refused(fromWireError(message.error));
      case 'status':
        return this.#questions.get(message.id)?.(message.status);
      default:
        return unreachable(message);
    }
  }

  #opened(): void {
    if (this.#state.kind !== 'starting') return;
    this.#state = { kind: 'open', worker: this.#state.worker };
    this.#watch?.started();
    this.#restartDelay.startedWell();
    if (this.#portals.length > 0) this.announcePortals(this.#portals);
    this.#tellStarted(undefined);
  }

  /** At the first start it is final; later the reason may pass: a store still locked by the process before. */
  #refused(error: EterneError): void {
    if (this.#started !== undefined) return this.#tellStarted(error);
    const fields = { targets: this.#names, reason: error.message };
    this.#owner.world.log('error', 'targets cannot be served again', fields);
  }

  #hung(worker: Worker, silentMs: number): void {
    const fields = { targets: this.#names, silentMs, pid: worker.pid };
    this.#owner.world.log('error', 'the process of targets does not answer: it is killed', fields);
    worker.kill('SIGKILL');
    this.#tellStarted(new EterneError('timeout', `${this.#names.join(', ')}: a store does not answer`));
  }

  #tellStarted(error: EterneError | undefined): void {
    const started = this.#started;
    this.#started = undefined;
    started?.(error);
  }

  #exited(code: number | null, signal: string | null): void {
    const state = this.#state;
    this.#watch?.stop();
    for (const answer of this.#questions.values()) answer(undefined);
    if (state.kind === 'closed') return; // given up already
    if (state.kind === 'closing') {
      state.end.cancel();
      return this.#closed();
    }
    this.#owner.world.log('error', 'the process of targets has ended', {
      targets: this.#names,
      code,
      signal,
    });
    if (this.#started !== undefined)
      this.#tellStarted(new EterneError('io', `the process of ${this.#names.join(', ')} ended at its start`));
    const timer = this.#owner.world.timers.after(this.#restartDelay.next(), () => this.#startWorker());
    this.#state = { kind: 'waiting', timer };
  }

  #closing(worker: Worker): void {
    this.#watch?.stop();
    const { timers } = this.#owner.world;
    const end = new WorkerEnd(timers, worker, CLOSE_TIMEOUT_MS, () => this.#closed());
    this.#state = { kind: 'closing', worker, end };
  }

  #closed(): void {
    this.#state = { kind: 'closed' };
    const waiting = this.#onClosed;
    this.#onClosed = [];
    for (const done of waiting) done();
  }
}
