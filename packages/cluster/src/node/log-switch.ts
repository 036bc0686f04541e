/**
 * The ordered log that the service sees: of one epoch after the other. Duties:
 * 1. Nothing of an epoch is handed on after its seal, and who waits for an entry behind it is told that it never counts.
 * 2. The next epoch begins only when every lease of the last one is over: this node waits so long from when it saw the seal, which was after
 *    nobody could grant any more (docs/internals/log-moves.md).
 * 3. Every member that saw the seal tries to begin it, with the same state; whoever is first has. The node's marker is written next, and only then it takes part.
 *    So a crash at any step is gone on from at the next start.
 * 4. An embedded log that was left stays open, handing nothing on, until every member has followed: who was away learns of the seal from it.
 */
import { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import type { LogLeadership, LogSubject, OrderedLog } from '../ports.ts';
import type { MemberChange, Members } from '../raft/members.ts';
import type { LogIndex, MemberId } from '../raft/types.ts';
import { timesOf, timingOf } from '../service/timing.ts';
import { isSealed, missingFollowers } from '../state/apply-log.ts';
import type { Command } from '../state/commands.ts';
import type { ClusterState, ConsensusSpec } from '../state/model.ts';
import type { LogMarker } from './log-marker.ts';
import { votersOf } from './voters.ts';

type Done = (error: EterneError | undefined) => void;
type AppendDone = Parameters<OrderedLog<Command>['append']>[1];

/** One epoch's log, by whichever engine. */
export interface LogEngine extends OrderedLog<Command> {
  start(): void;
  /** Voters; of a log that is not in the nodes: everybody. */
  members(): Members;
  /** Who answers the leader; of a log that is not in the nodes, and of a follower: nobody. */
  heard(): ReadonlySet<MemberId>;
  changeMember(change: MemberChange, done: Done): void;
  transferLeadership(to: MemberId): EterneError | undefined;
  /** Why it cannot be used now. */
  readonly trouble: string | undefined;
  close(done: () => void): void;
}

/** What a new epoch begins with. */
export interface LogImage {
  readonly index: LogIndex;
  readonly state: Buffer;
  readonly members: Members;
}

export interface LogEngines {
  open(
    marker: LogMarker,
    subject: LogSubject<Command>,
    done: (result: LogEngine | EterneError) => void,
  ): void;
  /** Makes the log of a new epoch; well if it is there. */
  begin(marker: LogMarker, image: LogImage, done: Done): void;
  /** Could this node follow there? */
  probe(consensus: ConsensusSpec, done: Done): void;
  /** An embedded log that this node still has of an epoch that is over; undefined: none. */
  reopen(epoch: number, done: (result: LogEngine | undefined) => void): void;
  forget(epoch: number): void;
  saveMarker(marker: LogMarker, done: Done): void;
}

export interface LogSwitchOptions {
  readonly world: Pick<World, 'timers' | 'log' | 'clock'>;
  readonly self: string;
  readonly engines: LogEngines;
  readonly subject: LogSubject<Command>;
  readonly state: () => ClusterState;
}

/** Of an epoch whose engine is on its way, and then is there. */
interface Opening {
  current: Epoch | undefined;
  /** Its snapshot was restored before it was there. */
  restoredAt: LogIndex | undefined;
}

interface Epoch {
  readonly marker: LogMarker;
  readonly engine: LogEngine;
  sealedAt: LogIndex | undefined;
  /** The state at the seal. */
  finalState: Buffer | undefined;
}

const RETRY_MS = 500;
const LOOK_MS = 1000;

export class LogSwitch implements OrderedLog<Command> {
  readonly #options: LogSwitchOptions;
  readonly #appliedListeners: ((command: Command, index: LogIndex) => void)[] = [];
  readonly #leadershipListeners: (() => void)[] = [];
  readonly #timer: Timer;
  #epoch: Epoch | undefined;
  #old: { readonly epoch: number; readonly engine: LogEngine } | undefined;
  /** Left and complete; its file is taken away once. */
  #forgotten: number | undefined;
  #isAsking = false;
  #isReopening = false;
  #isClosed = false;
  #trouble: string | undefined;

  constructor(options: LogSwitchOptions) {
    this.#options = options;
    this.#timer = options.world.timers.every(LOOK_MS, () => this.#look());
  }

  /** Opens the log that `marker` names. Install the listeners before. */
  open(marker: LogMarker, done: Done): void {
    const opening: Opening = { current: undefined, restoredAt: undefined };
    this.#options.engines.open(marker, this.#subjectOf(opening), (engine) => {
      if (engine instanceof EterneError) return done(engine);
      if (this.#isClosed) return engine.close(() => {});
      const epoch: Epoch = { marker, engine, sealedAt: undefined, finalState: undefined };
      opening.current = epoch;
      // Nothing need follow a seal that is in a snapshot.
      if (opening.restoredAt !== undefined) this.#see(epoch, opening.restoredAt);
      this.#adopt(epoch);
      done(undefined);
    });
  }

  append(command: Command, done: AppendDone): void {
    const epoch = this.#epoch;
    if (!epoch || epoch.sealedAt !== undefined)
      return this.#options.world.timers.soon(() => done({ kind: 'refused', error: onItsWay() }));
    return epoch.engine.append(command, (result) => {
      // Duty 1: it is certain that nothing behind the seal, or not in this epoch's log by now, ever counts.
      const isBehind =
        epoch.sealedAt !== undefined && (result.kind !== 'applied' || result.index > epoch.sealedAt);
      done(isBehind ? { kind: 'refused', error: onItsWay() } : result);
    });
  }

  onApplied(listener: (command: Command, index: LogIndex) => void): void {
    this.#appliedListeners.push(listener);
  }

  readBarrier(done: Done): void {
    const epoch = this.#epoch;
    if (!epoch || epoch.sealedAt !== undefined) this.#options.world.timers.soon(() => done(onItsWay()));
    else epoch.engine.readBarrier((error) => done(epoch.sealedAt === undefined ? error : onItsWay()));
  }

  leadership(): LogLeadership {
    const epoch = this.#epoch;
    if (epoch && epoch.sealedAt === undefined) return epoch.engine.leadership();
    return {
      leader: undefined,
      isLeader: false,
      raftTerm: epoch?.engine.leadership().raftTerm ?? 0,
      authorityUntilBootMs: Number.NEGATIVE_INFINITY,
      quorate: false,
    };
  }

  onLeadership(listener: () => void): void {
    this.#leadershipListeners.push(listener);
  }

  /** Empty while the log is not in the nodes, so that nobody changes them. */
  voters(): Members {
    return this.#epoch?.marker.consensus.engine === 'embedded' ? this.members() : [];
  }

  members(): Members {
    return this.#epoch?.engine.members() ?? [];
  }

  heard(): ReadonlySet<MemberId> {
    return this.#epoch?.engine.heard() ?? new Set();
  }

  changeMember(change: MemberChange, done: Done): void {
    if (this.#epoch) this.#epoch.engine.changeMember(change, done);
    else this.#options.world.timers.soon(() => done(onItsWay()));
  }

  transferLeadership(to: MemberId): EterneError | undefined {
    return this.#epoch ? this.#epoch.engine.transferLeadership(to) : onItsWay();
  }

  get trouble(): string | undefined {
    return this.#trouble ?? this.#epoch?.engine.trouble;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
    this.#epoch?.engine.close(() => {});
    this.#old?.engine.close(() => {});
  }

  #subjectOf(epoch: Opening): LogSubject<Command> {
    const { subject } = this.#options;
    return {
      encode: (command) => subject.encode(command),
      decode: (bytes) => subject.decode(bytes),
      takeSnapshot: () => epoch.current?.finalState ?? subject.takeSnapshot(),
      restoreSnapshot: (bytes, index) => {
        if (epoch.current?.sealedAt !== undefined) return;
        subject.restoreSnapshot(bytes, index);
        if (epoch.current) this.#see(epoch.current, index);
        else epoch.restoredAt = index;
      },
      stopped: (error) => subject.stopped(error),
    };
  }

  #adopt(epoch: Epoch): void {
    const { engine } = epoch;
    this.#epoch = epoch;
    this.#trouble = undefined;
    engine.onApplied((command, index) => {
      if (epoch.sealedAt !== undefined) return;
      for (const listener of this.#appliedListeners) listener(command, index);
      this.#see(epoch, index);
    });
    engine.onLeadership(() => {
      if (this.#epoch === epoch) this.#tell();
    });
    engine.start();
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#leadershipListeners) listener();
  }

  /** The state has just moved on by an entry of `epoch`. */
  #see(epoch: Epoch, index: LogIndex): void {
    const { world, subject, state } = this.#options;
    const { log } = state();
    if (!isSealed(state()) || log.epoch !== epoch.marker.epoch || log.to === null) return;
    epoch.sealedAt = index;
    epoch.finalState = subject.takeSnapshot();
    const image: LogImage = {
      index,
      state: epoch.finalState,
      members: votersOf(state()),
    };
    const next = { epoch: log.epoch + 1, consensus: log.to };
    const { leaseMs, marginMs } = timingOf(state());
    const { takeOverMs } = timesOf(state()).etcd;
    const waitMs = log.consensus.engine === 'etcd' ? takeOverMs : leaseMs + marginMs;
    world.log('info', `the log of epoch ${log.epoch} is sealed; the next begins in ${waitMs} ms`);
    world.timers.after(waitMs, () => this.#leave(epoch, next, image));
    world.timers.soon(() => this.#tell());
  }

  /** An embedded log is kept for those who have not seen the seal; the new epoch's needs nothing of one in etcd. */
  #leave(epoch: Epoch, next: LogMarker, image: LogImage): void {
    if (this.#isClosed) return;
    if (epoch.marker.consensus.engine === 'embedded') {
      this.#old = { epoch: epoch.marker.epoch, engine: epoch.engine };
      this.#follow(next, image);
    } else epoch.engine.close(() => this.#follow(next, image));
  }

  /** Duty 3. */
  #follow(next: LogMarker, image: LogImage): void {
    const { engines, world } = this.#options;
    if (this.#isClosed) return;
    const again = (error: EterneError): void => {
      this.#trouble = `the log cannot be followed into epoch ${next.epoch}: ${error.message}`;
      world.log('error', this.#trouble);
      world.timers.after(RETRY_MS, () => this.#follow(next, image));
    };
    engines.begin(next, image, (begun) => {
      if (begun) return again(begun);
      engines.saveMarker(next, (saved) => {
        if (saved) return again(saved);
        this.open(next, (opened) => {
          if (opened) again(opened);
        });
      });
    });
  }

  /** What is owed by and by. */
  #look(): void {
    const epoch = this.#epoch;
    if (!epoch || epoch.sealedAt !== undefined) return;
    const state = this.#options.state();
    if (state.log.epoch !== epoch.marker.epoch) return;
    // What kept it from moving is nobody's trouble once it is to stay.
    if (state.log.phase !== 'moving') this.#trouble = undefined;
    this.#owe(state);
    this.#lookAfterOld(state);
  }

  #owe({ log }: ClusterState): void {
    const { self, engines, world } = this.#options;
    if (this.#isAsking) return;
    const said = { node: self, epoch: log.epoch, atMs: world.clock.wallMs() };
    if (log.phase === 'moving' && log.to !== null && !log.ready.includes(self)) {
      this.#isAsking = true;
      engines.probe(log.to, (error) => {
        this.#isAsking = false;
        this.#trouble = error && `the log cannot move: ${error.message}`;
        if (!error) this.#say({ kind: 'log-ready', ...said });
      });
    } else if (log.epoch > 0 && !log.followed.includes(self)) this.#say({ kind: 'log-follow', ...said });
  }

  #say(command: Command): void {
    this.#isAsking = true;
    this.append(command, () => (this.#isAsking = false));
  }

  /** Duty 4. */
  #lookAfterOld(state: ClusterState): void {
    const { engines } = this.#options;
    const { epoch, consensus } = state.log;
    if (consensus.engine === 'embedded') return;
    if (missingFollowers(state).length === 0) return this.#forget(epoch - 1);
    if (this.#old || this.#isReopening || this.#isAsking) return;
    this.#isReopening = true;
    engines.reopen(epoch - 1, (engine) => {
      this.#isReopening = false;
      if (!engine) return;
      if (this.#isClosed) return engine.close(() => {});
      this.#old = { epoch: epoch - 1, engine };
      engine.start();
    });
  }

  /** Also after a crash between the end of an old log and this. */
  #forget(epoch: number): void {
    if (this.#isReopening || this.#forgotten === epoch) return;
    this.#forgotten = epoch;
    const { engines } = this.#options;
    const old = this.#old;
    this.#old = undefined;
    if (old) old.engine.close(() => engines.forget(epoch));
    else engines.forget(epoch);
  }
}

function onItsWay(): EterneError {
  return new EterneError('no-quorum', 'the cluster’s log is on its way to another place');
}
