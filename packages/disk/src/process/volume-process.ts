/**
 * The supervisor's side of one volume: keeps its worker process running and speaks for it.
 * ```
 *   starting ──opened──▶ open ──worker died──▶ waiting ──back-off──▶ starting
 *      └── silent ──▶ hung ◀── silent ──┘        ▲
 *                      └────── killed at last ───┘
 *      │ first start refused                │ close            │ close
 *      ▼                                    ▼                  ▼
 *   closed ◀──────────────────────────── closing ◀─────────────┘
 * ```
 * A worker that dies, for whatever reason, is started again: the volume comes back as secondary and its last term's exports are
 * gone with it. One that is silent (`worker-watch.ts`) is killed; until the kernel lets go of it nothing can be done for the volume but say so.
 * Only a refusal at the very first start is final, because then somebody is waiting to be told.
 */
import { EterneError, assert, unreachable } from '@eterne/base';
import type { Address, Stream, Timer, TlsIdentity, World } from '@eterne/runtime';
import type { Worker, WorkerHandler } from '@eterne/runtime/node/worker.ts';
import type { Grant, Others, SetAnswer, SetProposal, VolumeStatus } from '../engine/api.ts';
import { withOthers } from '../engine/others.ts';
import type { VolumeSpec } from './config.ts';
import { absentStatus } from './absent-status.ts';
import { RestartDelay } from './restart-delay.ts';
import { goesBy, statusesOf } from './set-status.ts';
import { fromWireError } from './wire-error.ts';
import { WorkerEnd } from './worker-end.ts';
import { WorkerWatch } from './worker-watch.ts';
import type { ArbiterKind, FromWorker, Lease, StreamNote, ToWorker, VolumeCall } from './worker-messages.ts';

/** A worker that has lived so long had started well. */
const RESTART_FORGET_MS = 10_000;
/** A volume that cannot close by then (a hung store) is killed: its metadata says what was in flight. */
const CLOSE_TIMEOUT_MS = 10_000;
const MAX_CALLS_IN_FLIGHT = 256;

type Done = (error: EterneError | undefined) => void;
/** Of a call; a question has a result. */
export type CallDone = (error: EterneError | undefined, result?: unknown) => void;
export type Verdict = (answer: SetAnswer) => void;

export interface VolumeProcessOwner {
  readonly world: Pick<World, 'timers' | 'clock' | 'log'>;
  readonly arbiter: ArbiterKind;
  readonly startWorker: (handler: WorkerHandler) => Worker;
  readonly tls: TlsIdentity | undefined;
  onStatus(): void;
  onProposal(proposal: SetProposal, verdict: Verdict): void;
  /** The worker has gone, and with it whatever it had proposed. */
  onWorkerGone(volume: string): void;
}

type State =
  | { readonly kind: 'starting'; readonly worker: Worker; readonly startedBootMs: number }
  | { readonly kind: 'open'; readonly worker: Worker; readonly startedBootMs: number }
  | { readonly kind: 'hung'; readonly worker: Worker; readonly startedBootMs: number }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'closing'; readonly worker: Worker; readonly end: WorkerEnd }
  | { readonly kind: 'closed' };

export class VolumeProcess {
  readonly #owner: VolumeProcessOwner;
  readonly #calls = new Map<number, CallDone>();
  #nextCall = 1;
  #spec: VolumeSpec;
  readonly #committed: Grant | undefined;
  #state: State = { kind: 'closed' };
  #statuses: readonly VolumeStatus[];
  #listening: readonly Address[] = [];
  readonly #restartDelay = new RestartDelay();
  #watch: WorkerWatch | undefined;
  /** Since it was last open a worker of it has hung. */
  #isHung = false;
  /** Waits for the first start; undefined once it was told. */
  #started: Done | undefined;
  #onClosed: (() => void)[] = [];

  constructor(spec: VolumeSpec, committed: Grant | undefined, owner: VolumeProcessOwner) {
    this.#spec = spec;
    this.#committed = committed;
    this.#owner = owner;
    this.#statuses = statusesOf(spec.config, absentStatus(spec.config, undefined), []);
  }

  get spec(): VolumeSpec {
    return this.#spec;
  }

  /** The newest the worker has sent; of a volume without a worker, what can be said without it. Of a mirror set, one for each volume. */
  get statuses(): readonly VolumeStatus[] {
    return this.#statuses;
  }

  /** Bound addresses of the exports, in the order of `spec.exports`. */
  get listening(): readonly Address[] {
    return this.#listening;
  }

  /** By its own name, or that of its set. */
  goesBy(name: string): boolean {
    return this.#statuses.some((status) => goesBy(status, name));
  }

  get pid(): number | undefined {
    return 'worker' in this.#state ? this.#state.worker.pid : undefined;
  }

  /** Once. `done` comes when the volume is open and its exports are bound, or cannot be. */
  start(done: Done): void {
    assert(this.#started === undefined && this.#state.kind === 'closed', 'a volume process is started once');
    this.#started = done;
    this.#startWorker();
  }

  call(call: VolumeCall, done: CallDone): void {
    const state = this.#state;
    if (state.kind !== 'open') return done(this.#notOpen());
    if (this.#calls.size >= MAX_CALLS_IN_FLIGHT)
      return done(new EterneError('busy', `volume ${this.#name}: too many requests at once`));
    const id = this.#nextCall++;
    this.#calls.set(id, done);
    this.#send(state.worker, { kind: 'call', id, call });
  }

  /** A worker that is started later begins with them. */
  setPeers(others: Others, done: Done): void {
    this.call({ verb: 'set-peers', others }, (error) => {
      if (error === undefined) this.#spec = { ...this.#spec, config: withOthers(this.#spec.config, others) };
      done(error);
    });
  }

  setLease(lease: Lease): void {
    if (this.#state.kind === 'open') this.#send(this.#state.worker, { kind: 'lease', lease });
  }

  giveStream(note: StreamNote, stream: Stream, surplus: Buffer): void {
    if (this.#state.kind === 'open') this.#state.worker.sendStream(note, stream, surplus);
    else stream.destroy();
  }

  /** Closes the volume cleanly and ends its worker; for good. */
  close(done: () => void): void {
    const state = this.#state;
    if (state.kind === 'closed') return done();
    this.#onClosed.push(done);
    if (state.kind === 'closing') return;
    if (state.kind === 'waiting') {
      state.timer.cancel();
      return this.#closed();
    }
    if (state.kind === 'open') this.call({ verb: 'close' }, () => {});
    else state.worker.kill('SIGKILL'); // it has promised nothing to anybody yet, or cannot keep it
    this.#closing(state.worker);
  }

  get #name(): string {
    return this.spec.config.name;
  }

  #notOpen(): EterneError {
    return new EterneError('unreachable', `volume ${this.#name} is not open`, {
      hint: this.#isHung
        ? `its store does not answer: see ${this.spec.config.devicePath}, and serve from another node meanwhile`
        : 'its worker is starting; try again',
    });
  }

  #startWorker(): void {
    const worker: Worker = this.#owner.startWorker({
      onMessage: (message) => this.#receive(worker, message as FromWorker),
      onExit: (code, signal) => this.#exited(code, signal),
    });
    this.#state = { kind: 'starting', worker, startedBootMs: this.#owner.world.clock.bootMs() };
    const { config, exports, members } = this.spec;
    this.#watch = new WorkerWatch(this.#owner.world.timers, config.diskTimeoutMs, {
      ask: () => this.#send(worker, { kind: 'ping' }),
      hung: (silentMs) => this.#hung(worker, silentMs),
      waitedForProcessorMs: () => worker.waitedForProcessorMs(),
    });
    const { arbiter, tls } = this.#owner;
    this.#send(worker, {
      kind: 'open',
      config,
      exports,
      arbiter,
      committed: this.#committed,
      ...(members === undefined ? {} : { members }),
      ...(tls === undefined ? {} : { tls }),
    });
  }

  #send(worker: Worker, message: ToWorker): void {
    worker.send(message);
  }

  /** Its exports and links are dead with it, so a peer may take over; its store counts as failed until a worker opens it again. */
  #hung(worker: Worker, silentMs: number): void {
    const state = this.#state;
    if (state.kind !== 'open' && state.kind !== 'starting') return;
    const fields = { volume: this.#name, silentMs, pid: worker.pid };
    this.#owner.world.log('error', 'volume worker does not answer: it is killed', fields);
    const error = new EterneError('timeout', `volume ${this.#name}: its store does not answer`);
    this.#isHung = true;
    worker.kill('SIGKILL');
    if (this.#started !== undefined) {
      this.#onClosed.push(() => this.#tellStarted(error));
      return this.#closing(worker);
    }
    this.#state = { kind: 'hung', worker, startedBootMs: state.startedBootMs };
    this.#absent();
    this.#failCalls(error);
  }

  #failCalls(error: EterneError): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const done of calls) done(error);
  }

  #absent(): void {
    this.#statuses = this.#statuses.map((last) => {
      const status = absentStatus(this.spec.config, last);
      if (!this.#isHung) return status;
      // What it has open other hosts reach, too: they wait until the kernel has let go of it.
      const isHeld = this.#state.kind === 'hung' && this.spec.config.devices !== undefined;
      const held = isHeld ? { role: last.role, term: 0 } : {};
      return { ...status, disk: 'Failed' as const, ...held };
    });
    this.#owner.onStatus();
  }

  #receive(worker: Worker, message: FromWorker): void {
    this.#watch?.heard();
    switch (message.kind) {
      case 'pong':
        return;
      case 'opened':
        return this.#opened(worker, message);
      case 'refused':
        return this.#refused(fromWireError(message.error));
      case 'answer': {
        const done = this.#calls.get(message.id);
        this.#calls.delete(message.id);
        return done?.(message.error && fromWireError(message.error), message.result);
      }
      case 'status':
        this.#statuses = message.statuses;
        return this.#owner.onStatus();
      case 'proposal': {
        const { id, proposal } = message;
        return this.#owner.onProposal(proposal, (answer) =>
          worker.send({ kind: 'verdict', id, answer } satisfies ToWorker),
        );
      }
      default:
        return unreachable(message);
    }
  }

  #opened(worker: Worker, { listening, statuses }: Extract<FromWorker, { kind: 'opened' }>): void {
    if (this.#state.kind !== 'starting') return;
    this.#state = { kind: 'open', worker, startedBootMs: this.#state.startedBootMs };
    this.#watch?.started();
    this.#isHung = false;
    this.#listening = listening;
    this.#statuses = statuses;
    this.#owner.onStatus();
    this.#tellStarted(undefined);
  }

  /** At the first start it is final; later the restart goes on, for the reason may pass (a store still locked by the dead worker). */
  #refused(error: EterneError): void {
    if (this.#started === undefined || this.#state.kind !== 'starting') {
      const fields = { volume: this.#name, reason: error.message };
      return this.#owner.world.log('error', 'volume cannot be opened again', fields);
    }
    this.#onClosed.push(() => this.#tellStarted(error));
    this.#closing(this.#state.worker);
  }

  #closing(worker: Worker): void {
    this.#watch?.stop();
    const { timers } = this.#owner.world;
    const end = new WorkerEnd(timers, worker, CLOSE_TIMEOUT_MS, () => this.#closed());
    this.#state = { kind: 'closing', worker, end };
  }

  #tellStarted(error: EterneError | undefined): void {
    const started = this.#started;
    this.#started = undefined;
    started?.(error);
  }

  #exited(code: number | null, signal: string | null): void {
    const state = this.#state;
    this.#watch?.stop();
    if (state.kind === 'closed') return; // given up already
    this.#failCalls(new EterneError('unreachable', `volume ${this.#name}: its worker has ended`));
    this.#owner.onWorkerGone(this.#name);
    if (state.kind === 'closing') {
      state.end.cancel();
      return this.#closed();
    }
    this.#owner.world.log('error', 'volume worker died', { volume: this.#name, code, signal });
    if (this.#started !== undefined) {
      this.#state = { kind: 'closed' };
      return this.#tellStarted(
        new EterneError('io', `volume ${this.#name}: its worker died at start (${signal ?? code})`),
      );
    }
    this.#restartLater('startedBootMs' in state ? this.#owner.world.clock.bootMs() - state.startedBootMs : 0);
  }

  #restartLater(livedMs: number): void {
    if (livedMs > RESTART_FORGET_MS) this.#restartDelay.startedWell();
    const timer = this.#owner.world.timers.after(this.#restartDelay.next(), () => this.#startWorker());
    this.#state = { kind: 'waiting', timer };
    this.#absent();
  }

  #closed(): void {
    this.#state = { kind: 'closed' };
    this.#listening = [];
    const waiting = this.#onClosed;
    this.#onClosed = [];
    for (const done of waiting) done();
    this.#tellStarted(new EterneError('refused', `volume ${this.#name} was closed while it started`));
  }
}
