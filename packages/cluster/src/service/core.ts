/**
 * The service of one node, as a state machine: an event goes in, effects come out (`effects.ts`). It composes the duties; each keeps
 * its own rules: the leader's (`leader/`), the owner's (`owner/`), the arbiter's, the keeper's of replicas, the reporter's, the fencer's.
 * No clock, no I/O: time comes with the events.
 */
import { unreachable } from '@eterne/base';
import { wholeStatuses } from '@eterne/disk/process/set-status.ts';
import { NO_DROPS } from '../heart/drops.ts';
import { isLarge } from '../heart/quiet.ts';
import { apply, emptyState } from '../state/apply.ts';
import type { Command } from '../state/commands.ts';
import { LEVELS, type Levels } from '../state/levels.ts';
import type { ClusterState, MemberSpec } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import type { Refusal } from '../state/outcome.ts';
import { ArbiterDuty } from './arbiter.ts';
import { aliveBy } from './alive.ts';
import { isCalm } from './calm.ts';
import type { Completion, CoreEvent, Effect, EffectId, LeadershipView, LeaseTable, Now } from './effects.ts';
import { DeviceDuty } from './device-duty.ts';
import { Outbox } from './effects.ts';
import { FenceDuty } from './fence-duty.ts';
import { FenceWatch } from './fence-watch.ts';
import { GrowthDuty } from './growth-duty.ts';
import { LeaderDuties } from './leader/duties.ts';
import { LeaseRequests } from './leader/requests.ts';
import { LeaveDuty } from './leave-duty.ts';
import { GroupRunner } from './owner/runner.ts';
import type { ReplicaPlaces } from './replicas.ts';
import { ReplicaDuty } from './replicas.ts';
import { ReportDuty } from './reports.ts';
import { StrayDuty } from './stray-duty.ts';
import { timingOf } from './timing.ts';
import type { View } from './view.ts';
import { WatchDuty } from './watch-duty.ts';
import { WatchdogDuty } from './watchdog-duty.ts';

export interface CoreOptions {
  readonly self: string;
  /** What this node was given when it joined (`voterId`): another machine may have its name one day, and never this. */
  readonly life: string;
  /** New with every start of the node, kept when only the service is restarted. */
  readonly startId: string;
  readonly places: ReplicaPlaces;
  /** Of another program than this one, in tests. */
  readonly levels?: Levels;
  /** On the node that made the cluster: its first entry. */
  readonly founding?: { readonly cluster: string; readonly clusterId: string; readonly member: MemberSpec };
}

const NO_LEADERSHIP: LeadershipView = {
  leader: undefined,
  isLeader: false,
  raftTerm: 0,
  authorityUntilBootMs: Number.NEGATIVE_INFINITY,
  quorate: false,
};

export class ServiceCore {
  readonly view: View;
  readonly #options: CoreOptions;
  readonly #outbox = new Outbox();
  readonly #arbiter = new ArbiterDuty();
  readonly #replicas: ReplicaDuty;
  readonly #reports = new ReportDuty();
  readonly #growth = new GrowthDuty();
  readonly #devices = new DeviceDuty();
  readonly #watchdog = new WatchdogDuty();
  readonly #watch = new WatchDuty();
  readonly #fences = new FenceDuty();
  readonly #fenceWatch = new FenceWatch();
  readonly #strays = new StrayDuty();
  readonly #leave = new LeaveDuty();
  readonly #runners = new Map<string, GroupRunner>();
  readonly #requests = new LeaseRequests();
  #leader: LeaderDuties | undefined;
  /** As the heart says. */
  #heard: ReadonlySet<string> | undefined;
  #founding: EffectId | undefined;
  #isCalm = false;
  /** What the log gives to this node has its runners. */
  #hasLooked = false;

  constructor(options: CoreOptions, now: Now) {
    this.#options = options;
    this.#replicas = new ReplicaDuty(options.places);
    this.view = {
      self: options.self,
      life: options.life,
      startId: options.startId,
      levels: options.levels ?? LEVELS,
      now,
      timing: timingOf(emptyState()),
      state: emptyState(),
      caughtUp: false,
      leadership: NO_LEADERSHIP,
      alive: undefined,
      paths: [],
      dropped: NO_DROPS,
      logDropped: NO_DROPS,
      leases: undefined,
      disk: { connected: false, volumes: undefined, problems: this.#replicas.problems },
      monitored: false,
      watchdog: undefined,
      pids: undefined,
      tie: undefined,
      logMembers: [],
      logTrouble: undefined,
      tieTrouble: undefined,
      leaving: false,
    };
  }

  /** Leader only: what is left of the lease it granted to `node`. */
  grantedRemainingMs(node: string): number | null {
    // Who led before still has its book, in which nothing is renewed.
    return this.view.leadership.isLeader ? (this.#leader?.leaseRemainingMs(node, this.view) ?? null) : null;
  }

  /** Why a volume that this node serves has not grown yet. */
  growthProblem(volume: string): string | undefined {
    return this.#growth.problem(volume);
  }

  /** Fence devices that cannot be used from this node: sentences. */
  get fenceTroubles(): Iterable<string> {
    return this.#fenceWatch.troubles;
  }

  /**
   * After `leave`: nothing of a group is left here, and the cluster knows, unless it cannot be reached, in which case it will find out
   * when the leases end. A service that was started anew cannot say so before it has looked at what the one before left running, or
   * every right to run it is over, and with that the grace in which it is killed.
   */
  hasLeft(): boolean {
    const { state, self, leaving, leadership } = this.view;
    if (!this.#hasLooked && this.#mayRun()) return false;
    const stopped = [...this.#runners.values()].every((runner) => runner.nothingRuns());
    const owns = sortedValues(state.groups).some(({ owner }) => owner === self);
    const known = this.#leave.isKnown(this.view) && !owns;
    return leaving && stopped && (known || !leadership.quorate);
  }

  #mayRun(): boolean {
    const { leases, timing, now } = this.view;
    if (leases === undefined) return true;
    const goneMs = timing.goneGraceMs + timing.marginMs;
    return [...leases.values()].some(({ validUntilBootMs }) => validUntilBootMs + goneMs > now.bootMs);
  }

  get isStopping(): boolean {
    return [...this.#runners.values()].some((runner) => runner.isStopping);
  }

  /** The same for certain: one that was started anew has itself looked at what the one before left running. */
  hasLetGo(): boolean {
    return this.#hasLooked && this.hasLeft();
  }

  /** Applies a committed entry and tells why the state did not take it. Entries come in order, exactly once. */
  apply(command: Command): Refusal | undefined {
    const { state, refused } = apply(this.view.state, command);
    this.restore(state);
    return refused;
  }

  /** Goes on from a snapshot. */
  restore(state: ClusterState): void {
    this.view.state = state;
    this.view.timing = timingOf(state);
  }

  /** Only for reading `view`. */
  look(now: Now, leadership: LeadershipView): void {
    this.view.now = now;
    this.view.leadership = leadership;
  }

  /** What comes again and again is taken note of and answered; all duties look at it with the next tick. */
  handle(event: CoreEvent, now: Now, leadership: LeadershipView): readonly Effect[] {
    this.view.now = now;
    this.#lead(leadership);
    const isRoutine = this.#isRoutine(event);
    this.#take(event);
    this.view.alive = aliveBy(this.#heard, this.view);
    if (isRoutine) return this.#outbox.take();
    this.#step();
    this.#isCalm =
      isCalm(this.view) && [...this.#runners.values()].every((runner) => runner.isSettled(this.view));
    return this.#outbox.take();
  }

  /** Nothing waits for time to pass (`calm.ts`): ticks may come more slowly until the next event. */
  get isCalm(): boolean {
    return this.#isCalm;
  }

  /** In a large cluster requests come faster than ticks: to look at everything for each would take a leader all its time when it has most to do. */
  #isRoutine(event: CoreEvent): boolean {
    if (event.kind === 'lease-request') return this.#isCalm || isLarge(this.view.state);
    if (!this.#isCalm || event.kind !== 'leases') return false;
    return isRenewal(this.view.leases, event.leases, this.view.now.bootMs);
  }

  #lead(leadership: LeadershipView): void {
    this.view.leadership = leadership;
    // Kept when the leadership is lost: should this node lead in the same term again, its book of leases is still true.
    if (leadership.isLeader && this.#leader?.raftTerm !== leadership.raftTerm)
      this.#leader = new LeaderDuties(leadership.raftTerm, this.view.now.bootMs);
  }

  #take(event: CoreEvent): void {
    const { view } = this;
    switch (event.kind) {
      case 'tick':
      case 'leadership':
        return;
      case 'caught-up':
        view.caughtUp = true;
        return;
      case 'liveness':
        this.#heard = event.alive;
        view.paths = event.paths;
        view.dropped = event.dropped;
        return;
      case 'leases':
        view.leases = mergeLeases(view.leases, event.leases);
        return;
      case 'watchdog':
        view.watchdog = event.report;
        return;
      case 'lease-request': {
        const heard = this.#requests.take(event.request, view.now.bootMs);
        if (heard && view.caughtUp) this.#leader?.answer(view, this.#outbox, heard);
        return;
      }
      case 'disk-connected':
        view.disk = { ...view.disk, connected: true, volumes: undefined };
        return;
      case 'disk-gone':
        view.disk = { ...view.disk, connected: false, volumes: undefined };
        this.#arbiter.diskGone();
        return this.#replicas.diskGone();
      case 'disk-status':
        view.disk = {
          ...view.disk,
          volumes: new Map(wholeStatuses(event.volumes).map((volume) => [volume.name, volume])),
        };
        return;
      case 'proposal':
        return this.#arbiter.propose(view, this.#outbox, event.id, event.proposal);
      case 'reports':
        view.monitored = true;
        for (const runner of this.#runners.values()) runner.reports(view, event.reports);
        return;
      case 'troubles':
        return this.#watch.told(event.troubles);
      case 'pids':
        view.pids = event.pids;
        return;
      case 'leave':
        view.leaving = true;
        this.#leave.begin(event.comesBack);
        return;
      case 'done':
        return this.#done(event.id, event.completion);
      default:
        return unreachable(event);
    }
  }

  #done(id: EffectId, completion: Completion): void {
    const { view } = this;
    if (completion.of === 'append') {
      const { result } = completion;
      this.#leader?.done(view, id, result);
      this.#arbiter.done(view, this.#outbox, id, result);
      this.#reports.done(id);
      this.#watchdog.done(view, id, result);
      if (this.#founding === id) this.#founding = undefined;
      this.#leave.done(view, id, result);
    }
    this.#watch.done(view, id, completion);
    this.#replicas.done(view, id, completion);
    this.#growth.done(view, id, completion);
    this.#devices.done(view, id, completion);
    this.#fences.done(view, id, completion);
    this.#fenceWatch.done(id, completion);
    this.#strays.done(view, this.#outbox, id, completion);
    for (const runner of this.#runners.values()) runner.done(view, this.#outbox, id, completion);
  }

  #step(): void {
    const { view } = this;
    if (!view.caughtUp) return;
    if (view.state.cluster === '') return this.#found();
    this.#replicas.step(view, this.#outbox);
    this.#reports.step(view, this.#outbox);
    this.#growth.step(view, this.#outbox);
    this.#devices.step(view, this.#outbox);
    this.#arbiter.step(view, this.#outbox);
    this.#watchdog.step(view, this.#outbox);
    this.#watch.step(view, this.#outbox);
    this.#fences.step(view, this.#outbox);
    this.#fenceWatch.step(view, this.#outbox);
    this.#leave.step(view, this.#outbox);
    if (view.leadership.isLeader) this.#leader?.step(view, this.#outbox, this.#requests.newest);
    this.#run();
  }

  #found(): void {
    const { founding } = this.#options;
    if (!founding || !this.view.leadership.isLeader || this.#founding !== undefined) return;
    const command = { kind: 'bootstrap', ...founding, atMs: this.view.now.wallMs } as const;
    this.#founding = this.#outbox.send({ kind: 'append', command });
  }

  /** Not before the log knows of this start of the node: what it says of an earlier life is not ours to go on with. */
  #run(): void {
    const { view } = this;
    if (view.state.members[view.self]?.startId !== view.startId) return;
    for (const group of sortedValues(view.state.groups)) {
      const { name } = group.spec;
      if (group.owner === view.self && !this.#runners.has(name))
        this.#runners.set(name, new GroupRunner(group));
    }
    for (const [name, runner] of this.#runners) {
      runner.step(view, this.#outbox);
      if (runner.finished(view)) this.#runners.delete(name);
    }
    this.#strays.step(view, this.#outbox, this.#runners);
    this.#hasLooked = true;
  }
}

/** It says of the same rights, none of which had lapsed, that they last longer. */
function isRenewal(known: LeaseTable | undefined, told: LeaseTable, nowBootMs: number): boolean {
  if (known === undefined) return false;
  return [...told].every(([group, { epoch }]) => {
    const before = known.get(group);
    return before?.epoch === epoch && before.validUntilBootMs > nowBootMs;
  });
}

/** A heart that was restarted knows less than it did; an end once promised for an epoch stands. */
function mergeLeases(known: LeaseTable | undefined, told: LeaseTable): LeaseTable {
  const merged = new Map(known);
  for (const [group, lease] of told) {
    const before = merged.get(group);
    const older = before?.epoch === lease.epoch && before.validUntilBootMs > lease.validUntilBootMs;
    if (!older) merged.set(group, lease);
  }
  return merged;
}
