/**
 * Drives the core (`core.ts`) on the ports. It decides nothing; its duties:
 * 1. Events reach the core one at a time, in the order they came, also those that arrive while another is worked off.
 * 2. Every effect with an id is answered exactly once, also when the process it was meant for goes away.
 * 3. The core begins when everything committed before this start is applied (`caught-up`).
 * 4. When the log holds what this program cannot understand, nothing is decided any more, and `onStopped` is told why.
 * 5. Ticks come as fast as the profile says, and more slowly in a calm (`calm.ts`).
 */
import { EterneError, unreachable } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import type { DiskPort } from '@eterne/disk/process/port.ts';
import type { CallDone } from '@eterne/disk/process/volume-process.ts';
import type { ReplicaCall } from '@eterne/disk/process/worker-messages.ts';
import type { SetAnswer } from '@eterne/disk/engine/api.ts';
import { NO_DROPS, type DropCounts } from '../heart/drops.ts';
import type { HeartPort, LogSubject, MonitorPort, OrderedLog } from '../ports.ts';
import { apply } from '../state/apply.ts';
import { decodeCommand, decodeState, encodeCommand, encodeState, levelSentence } from '../state/codec.ts';
import type { Command } from '../state/commands.ts';
import { tooOld } from '../state/levels.ts';
import type { ClusterState, DaemonPids } from '../state/model.ts';
import type { Refusal } from '../state/outcome.ts';
import type { Members } from '../raft/members.ts';
import type { CoreOptions } from './core.ts';
import { ServiceCore } from './core.ts';
import type { AppendResult, Completion, CoreEvent, Effect, EffectId, Now, ProposalId } from './effects.ts';
import { isUnsaid, type TieView, type View } from './view.ts';

export interface ServiceOptions extends CoreOptions {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly heart: HeartPort;
  readonly monitor: MonitorPort;
  /** The log's tie-breaker, of a pair. */
  readonly pair?: PairPort;
  /** Members of the log; none where it is not kept by the nodes. */
  readonly logMembers?: () => Members;
  /** What the log's transport did not believe. */
  readonly logDropped?: () => DropCounts;
  /** The log has stopped for good; the process is to end. */
  readonly onStopped: (error: EterneError) => void;
  /** Asked again `RECONNECT_MS` after it failed or the connection was lost. Absent on a witness. */
  readonly connectDisk?: (done: (result: DiskPort | EterneError) => void) => void;
}

export interface PairPort {
  /** As this node sees it now. */
  tie(): TieView | undefined;
  takeByWord(how: string, acceptLoss: boolean, done: (error: EterneError | undefined) => void): void;
}

const RECONNECT_MS = 50;
/** Listeners hear of a change at most this late, and at most this often. */
const NOTIFY_MS = 100;
/** While nothing waits for time to pass every so many ticks are enough. */
const CALM_TICKS = 4;
/** Refusals remembered until the sender of the entry asks, which is at once. */
const REFUSALS_MAX = 256;

export class Service {
  readonly #options: ServiceOptions;
  readonly #core: ServiceCore;
  readonly #queue: CoreEvent[] = [];
  readonly #refusals = new Map<number, Refusal>();
  readonly #answers = new Map<ProposalId, (answer: SetAnswer) => void>();
  readonly #diskWaiting = new Map<EffectId, (error: EterneError) => void>();
  readonly #listeners = new Set<() => void>();
  readonly #stateListeners = new Set<() => void>();
  /** What those were last told of; undefined: somebody new has been told nothing. */
  #told: { readonly state: ClusterState; readonly caughtUp: boolean } | undefined;
  #log: OrderedLog<Command> | undefined;
  #disk: DiskPort | undefined;
  #draining = false;
  #stepWanted = false;
  #lastProposal: ProposalId = 0;
  #notify: Timer | undefined;
  #tick: { readonly intervalMs: number; readonly timer: Timer } | undefined;
  #closed = false;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#core = new ServiceCore(options, this.#now());
  }

  /** What the log has to know of the state. */
  readonly subject: LogSubject<Command> = {
    encode: (command) => encodeCommand(command, this.state.level, this.view.levels),
    decode: (bytes) => this.#read(bytes),
    takeSnapshot: () => encodeState(this.state, this.view.levels),
    restoreSnapshot: (bytes) => {
      this.#core.restore(decodeState(bytes, this.view.levels));
      this.#wantStep();
    },
    stopped: (error) => this.#stop(error),
  };

  get view(): View {
    return this.#core.view;
  }

  get state(): ClusterState {
    return this.#core.view.state;
  }

  get core(): ServiceCore {
    return this.#core;
  }

  /** `log` is open and not started yet. */
  start(log: OrderedLog<Command>): void {
    const { heart, monitor } = this.#options;
    this.#log = log;
    log.onApplied((command, index) => {
      const refused = this.#core.apply(command);
      if (refused) this.#remember(index, refused);
      this.#wantStep();
    });
    log.onLeadership(() => this.#feed({ kind: 'leadership' }));
    heart.onLiveness((alive, paths, dropped) => this.#feed({ kind: 'liveness', alive, paths, dropped }));
    heart.onWatchdog((report) => this.#feed({ kind: 'watchdog', report }));
    heart.onLease((leases) => this.#feed({ kind: 'leases', leases }));
    heart.onLeaseRequest((request) => this.#feed({ kind: 'lease-request', request }));
    monitor.onReport((reports) => this.#feed({ kind: 'reports', reports }));
    monitor.onTroubles((troubles) => this.#feed({ kind: 'troubles', troubles }));
    this.#keepTime();
    this.#connectDisk();
    this.#catchUp(log);
  }

  /** Brings time and leadership in `view` up to now, for who reads it between events. */
  refresh(): void {
    if (this.#log) this.#core.look(this.#now(), this.#log.leadership());
    this.#core.view.tie = this.#options.pair?.tie();
    this.#core.view.logMembers = this.#options.logMembers?.() ?? [];
    this.#core.view.logTrouble = this.#log?.trouble;
    this.#core.view.logDropped = this.#options.logDropped?.() ?? NO_DROPS;
  }

  /** An operator's word in a pair that has no majority any more; see `TieTransport.takeByWord`. */
  takeByWord(how: string, acceptLoss: boolean, done: (error: EterneError | undefined) => void): void {
    const { pair, world } = this.#options;
    if (pair) return pair.takeByWord(how, acceptLoss, done);
    return world.timers.soon(() => done(new EterneError('no-quorum', 'no majority of the voters is there')));
  }

  setPids(pids: DaemonPids): void {
    this.#feed({ kind: 'pids', pids });
  }

  /** Appends an entry for an operator or a facade. */
  submit(command: Command, done: (result: AppendResult) => void): void {
    const log = this.#log;
    if (!log) {
      const error = new EterneError('no-quorum', 'this node is still starting');
      return this.#options.world.timers.soon(() => done({ kind: 'refused', error }));
    }
    const early = this.view.levels.refusal(this.state, command);
    if (early) return this.#options.world.timers.soon(() => done({ kind: 'refused', error: early }));
    if (
      command.kind === 'volume-promote' &&
      isUnsaid({ tie: this.#options.pair?.tie(), state: this.state })
    ) {
      const error = new EterneError('busy', 'this node goes on alone, and its log does not say so yet');
      return this.#options.world.timers.soon(() => done({ kind: 'refused', error }));
    }
    log.append(command, (result) => {
      if (result.kind !== 'applied') return done(result);
      done({ kind: 'applied', refused: this.#refusals.get(result.index) });
    });
  }

  /** Asks this node's replica of a volume, for an operator. */
  askReplica(volume: string, call: ReplicaCall, done: CallDone): void {
    if (this.#disk) return this.#disk.ask(volume, call, done);
    const error = new EterneError('unreachable', 'the disk process of this node does not answer');
    this.#options.world.timers.soon(() => done(error));
  }

  /** Calls back once everything committed before the call is applied here. */
  readBarrier(done: (error: EterneError | undefined) => void): void {
    if (this.#log) this.#log.readBarrier(done);
    else
      this.#options.world.timers.soon(() =>
        done(new EterneError('no-quorum', 'this node is still starting')),
      );
  }

  /** Of anything that `view` shows, which is all the time. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Of the agreed state, and whether it is current; also once soon after this call. */
  onState(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    this.#told = undefined;
    return () => this.#stateListeners.delete(listener);
  }

  /**
   * Lets go of every group of this node, politely, within `timeoutMs`, or `patienceMs` while resources are at their stops. `comesBack`: it is certain that the node is
   * started again.
   */
  leave(timeoutMs: number, done: () => void, comesBack = false, patienceMs = timeoutMs): void {
    const { clock, timers } = this.#options.world;
    const sinceMs = clock.bootMs();
    this.#feed({ kind: 'leave', comesBack });
    const look = timers.every(this.view.timing.tickMs, () => {
      const limitMs = this.#core.isStopping ? patienceMs : timeoutMs;
      if (!this.#core.hasLeft() && clock.bootMs() - sinceMs < limitMs) return;
      look.cancel();
      done();
    });
  }

  /** A raise that is about to be refused (this node's program was exchanged for an older one just in time) asks nothing of it. */
  #read(bytes: Buffer): Command {
    const { levels } = this.view;
    const command = decodeCommand(bytes, this.state.level, levels);
    const isTooMuch = command.kind === 'level-raise' && command.level > levels.program;
    if (isTooMuch && apply(this.state, command).refused === undefined)
      throw tooOld(levelSentence(command.level, levels));
    return command;
  }

  /** Duty 4. */
  #stop(error: EterneError): void {
    if (this.#closed) return;
    this.close();
    this.#options.onStopped(error);
  }

  close(): void {
    this.#closed = true;
    this.#notify?.cancel();
    this.#tick?.timer.cancel();
    this.#disk?.close();
  }

  #now(): Now {
    const { clock } = this.#options.world;
    return { bootMs: clock.bootMs(), wallMs: clock.wallMs() };
  }

  /** Duty 1. Before the log is open the core only takes note: it does nothing before it has caught up. */
  #feed(event: CoreEvent): void {
    if (this.#closed) return;
    this.#core.view.tie = this.#options.pair?.tie();
    this.#queue.push(event);
    if (this.#draining) return;
    this.#draining = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const leadership = this.#log?.leadership() ?? this.view.leadership;
      const effects = this.#core.handle(next, this.#now(), leadership);
      for (const effect of effects) this.#perform(effect);
      if (next.kind !== 'tick') this.#changed();
    }
    this.#draining = false;
    if (event.kind !== 'lease-request') this.#keepTime();
  }

  /** Duty 5. */
  #keepTime(): void {
    const intervalMs = this.view.timing.tickMs * (this.#core.isCalm ? CALM_TICKS : 1);
    if (this.#closed || this.#tick?.intervalMs === intervalMs) return;
    this.#tick?.timer.cancel();
    const timer = this.#options.world.timers.every(intervalMs, () => this.#feed({ kind: 'tick' }));
    this.#tick = { intervalMs, timer };
  }

  /** Entries come in batches; the core looks at the state once they are all applied. */
  #wantStep(): void {
    if (this.#stepWanted) return;
    this.#stepWanted = true;
    this.#options.world.timers.soon(() => {
      this.#stepWanted = false;
      this.#feed({ kind: 'leadership' });
    });
  }

  /** Duty 3. */
  #catchUp(log: OrderedLog<Command>): void {
    if (this.#closed) return;
    log.readBarrier((error) => {
      if (!error) return this.#feed({ kind: 'caught-up' });
      this.#options.world.timers.after(this.view.timing.retryMs, () => this.#catchUp(log));
    });
  }

  #remember(index: number, refused: Refusal): void {
    this.#refusals.set(index, refused);
    const oldest = this.#refusals.keys().next();
    if (this.#refusals.size > REFUSALS_MAX && !oldest.done) this.#refusals.delete(oldest.value);
  }

  #perform(effect: Effect): void {
    const { heart, monitor } = this.#options;
    switch (effect.kind) {
      case 'heart-watchdog':
        return heart.setWatchdog(effect.spec);
      case 'disk-listen':
        return this.#disk?.listenAt(effect.addresses);
      case 'grant':
        return heart.grant(effect.grant);
      case 'answer':
        this.#answers.get(effect.proposal)?.(effect.answer);
        this.#answers.delete(effect.proposal);
        return;
      case 'append':
        return this.submit(effect.command, (result) => this.#complete(effect.id, { of: 'append', result }));
      case 'monitor-start':
        return monitor.start(effect.resource, effect.epoch, effect.timeoutMs, (result) =>
          this.#complete(effect.id, { of: 'action', result }),
        );
      case 'monitor-stop':
        return monitor.stop(effect.resource, effect.timeoutMs, (result) =>
          this.#complete(effect.id, { of: 'action', result }),
        );
      case 'monitor-probe':
        return monitor.probe(effect.resource, (state) => this.#complete(effect.id, { of: 'probe', state }));
      case 'monitor-find':
        return monitor.find(effect.resource, effect.timeoutMs, (isHere) =>
          this.#complete(effect.id, { of: 'find', isHere }),
        );
      case 'monitor-kill':
        return monitor.kill(effect.group, (error) => this.#complete(effect.id, { of: 'plain', error }));
      case 'monitor-fence':
        return monitor.fence(effect.order, (result) => this.#complete(effect.id, { of: 'fence', result }));
      case 'monitor-check-fence':
        return monitor.checkFence(effect.device, (trouble) =>
          this.#complete(effect.id, { of: 'fence-check', trouble }),
        );
      case 'monitor-drill':
        return monitor.drill(effect.order, (records) => this.#complete(effect.id, { of: 'count', records }));
      case 'monitor-watch':
        return monitor.watch(effect.order, (error) => this.#complete(effect.id, { of: 'plain', error }));
      case 'disk-ensure':
        return this.#askDisk(effect.id, (disk, done) =>
          disk.ensureVolume(effect.spec, effect.committed, done),
        );
      case 'disk-remove':
        return this.#askDisk(effect.id, (disk, done) => disk.removeVolume(effect.volume, done));
      case 'disk-promote':
        return this.#askDisk(effect.id, (disk, done) => disk.promote(effect.volume, effect.request, done));
      case 'disk-demote':
        return this.#askDisk(effect.id, (disk, done) => disk.demote(effect.volume, done));
      case 'disk-resize': {
        const { sizeBytes, volume } = effect;
        const call = { verb: 'resize', name: volume, sizeBytes } as const;
        return this.#askDisk(effect.id, (disk, done) => disk.ask(volume, call, done));
      }
      default:
        return unreachable(effect);
    }
  }

  #complete(id: EffectId, completion: Completion): void {
    this.#feed({ kind: 'done', id, completion });
  }

  /** Duty 2. */
  #askDisk(
    id: EffectId,
    ask: (disk: DiskPort, done: (error: EterneError | undefined) => void) => void,
  ): void {
    const finish = (error: EterneError | undefined): void => {
      if (this.#diskWaiting.delete(id)) this.#complete(id, { of: 'plain', error });
    };
    this.#diskWaiting.set(id, finish);
    if (this.#disk) ask(this.#disk, finish);
    else finish(new EterneError('unreachable', 'the disk process does not answer'));
  }

  #connectDisk(): void {
    const { connectDisk, world } = this.#options;
    if (!connectDisk || this.#closed) return;
    connectDisk((disk) => {
      if (disk instanceof EterneError) {
        world.timers.after(RECONNECT_MS, () => this.#connectDisk());
        return;
      }
      this.#disk = disk;
      this.#feed({ kind: 'disk-connected' });
      disk.onStatus((volumes) => this.#feed({ kind: 'disk-status', volumes }));
      disk.onProposal((proposal, answer) => {
        this.#lastProposal += 1;
        this.#answers.set(this.#lastProposal, answer);
        this.#feed({ kind: 'proposal', id: this.#lastProposal, proposal });
      });
      disk.onClose(() => this.#lostDisk());
    });
  }

  #lostDisk(): void {
    this.#disk = undefined;
    this.#answers.clear();
    this.#feed({ kind: 'disk-gone' });
    const gone = new EterneError('unreachable', 'the disk process has gone');
    for (const fail of this.#diskWaiting.values()) fail(gone);
    this.#options.world.timers.after(RECONNECT_MS, () => this.#connectDisk());
  }

  #changed(): void {
    if (this.#notify || (this.#listeners.size === 0 && !this.#isStateNews())) return;
    this.#notify = this.#options.world.timers.after(NOTIFY_MS, () => {
      this.#notify = undefined;
      for (const listener of this.#listeners) listener();
      if (!this.#isStateNews()) return;
      const { state, caughtUp } = this.view;
      this.#told = { state, caughtUp };
      for (const listener of this.#stateListeners) listener();
    });
  }

  #isStateNews(): boolean {
    const { state, caughtUp } = this.view;
    return this.#told?.state !== state || this.#told.caughtUp !== caughtUp;
  }
}
