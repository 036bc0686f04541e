/**
 * The owner's work on one group: brings its resources where they are wanted, one action at a time, and tells the log.
 *
 * 1. A new epoch begins with a kill: whatever an older epoch left here is gone before anything starts. An epoch that had begun
 *    before this service was restarted is adopted instead: every resource is probed, what runs goes on running, unless what a later one needs of it was
 *    never committed.
 * 2. Nothing is started without a lease for this epoch; when it has lapsed and its grace is over, the group is killed.
 * 3. A resource's outputs are committed before a later resource uses them.
 * 4. A failure is committed before it is acted upon, so that restarts are counted across restarts of this service.
 * 5. A stop that fails kills the group or blocks it here, as configured; it is let go only when everything is proven stopped. A kill that leaves something
 *    is tried again until it leaves nothing, and blocks the group when that lasts.
 * 6. Once it is being let go nothing is started in this epoch any more: an entry without an answer may still be committed, and is
 *    appended until it has one.
 */
import { assert, unreachable } from '@eterne/base';
import type { ResourceReport, ResourceState } from '../../ports.ts';
import type { Command } from '../../state/commands.ts';
import type { GroupSpec, GroupState } from '../../state/model.ts';
import type { Completion, EffectId, Outbox } from '../effects.ts';
import type { View } from '../view.ts';
import { leaseRemainingMs } from '../view.ts';
import { mirrorHealth, provenSecondary, servesAgreedTerm } from './mirror-health.ts';
import type { MirrorProgress } from './mirror-start.ts';
import { MirrorStart } from './mirror-start.ts';
import { nextStep } from './next-step.ts';
import { FAILURES_MAX } from '../../state/apply-group.ts';
import { heldBy } from '../../state/held.ts';
import { mountPointOf } from '../../state/references.ts';
import { DrillDuty } from './drill.ts';
import { Pace } from './pace.ts';
import { PhaseReporter } from './phase-reporter.ts';
import { GroupResources } from './resources.ts';
import type { Wish } from './wish.ts';
import { wishFor } from './wish.ts';

type Busy =
  | { readonly kind: 'idle' }
  | { readonly kind: 'killing'; readonly id: EffectId }
  | {
      readonly kind: 'probing' | 'starting' | 'stopping' | 'demoting';
      readonly index: number;
      readonly id: EffectId;
    }
  | { readonly kind: 'mirror-starting'; readonly index: number; readonly start: MirrorStart }
  | { readonly kind: 'recording' | 'releasing'; readonly id: EffectId };

const IDLE: Busy = { kind: 'idle' };
const KILL_RETRY_MS = 1000;
/** What a kill could not take away for so long is in the way of the group. */
const KILL_PATIENCE_MS = 10_000;

export class GroupRunner {
  readonly #name: string;
  readonly #reporter = new PhaseReporter();
  #epoch = 0;
  #spec: GroupSpec;
  #resources: GroupResources;
  #busy: Busy = IDLE;
  #killFirst = false;
  /** Why the last kill has left something. */
  #left: { readonly reason: string; readonly sinceBootMs: number } | undefined;
  /** Committed by duty 4 before anything else. */
  #failure: { readonly index: number; readonly reason: string } | undefined;
  /** Duty 5. `shown`: the log has it, so the operator's word may end it. */
  #stuck: { readonly reason: string; readonly shown: boolean } | undefined;
  /** Duty 6. */
  #releasing: Command | undefined;
  #retryAtBootMs = Number.NEGATIVE_INFINITY;
  #epochSeenBootMs = 0;
  /** Once per lapse; what is left after it is stopped like anything else. */
  #killedForLapse = false;
  readonly #drill = new DrillDuty();
  readonly #pace = new Pace();

  constructor(group: GroupState) {
    this.#name = group.spec.name;
    this.#spec = group.spec;
    this.#resources = GroupResources.none(group.spec.name);
  }

  /** Nothing of the group is left here and nothing is asked of this node. */
  finished(view: View): boolean {
    return (
      !this.#owned(view) &&
      this.#busy.kind === 'idle' &&
      this.#resources.allAre('stopped') &&
      !this.#killFirst
    );
  }

  /** Everything is as it is wanted, as far as this node has seen. */
  isSettled(view: View): boolean {
    if (!this.#owned(view)) return this.finished(view);
    return this.#busy.kind === 'idle' && !this.#killFirst && this.#resources.allAre('running');
  }

  /** A resource is at its stop, which has a time of its own. */
  get isStopping(): boolean {
    return this.#busy.kind === 'stopping';
  }

  nothingRuns(): boolean {
    return (
      this.#resources.allAre('stopped') &&
      this.#busy.kind !== 'starting' &&
      this.#busy.kind !== 'mirror-starting'
    );
  }

  step(view: View, outbox: Outbox): void {
    const group = this.#owned(view);
    if (group && group.epoch !== this.#epoch) this.#beginEpoch(view, group);
    this.#watchLease(view, outbox);
    if (group && heldBy(view.state, group) !== undefined) return;
    const wish: Wish = group
      ? wishFor(view, group)
      : { kind: 'stop', outcome: 'stopped', reason: `${view.self} is not its owner` };
    this.#pace.see(view.now.bootMs, wish.kind, this.#resources.allAre('running'));
    this.#checkMirrors(view);
    if (group)
      this.#drill.step(view, outbox, group, wish.kind === 'run' && this.#resources.allAre('running'));
    if (this.#busy.kind === 'mirror-starting')
      this.#mirrorProgress(view, this.#busy.index, this.#busy.start.step(view, outbox));
    const known = !this.#resources.states().includes('unknown');
    if (group && known) this.#report(view, outbox, group, wish);
    if (this.#busy.kind === 'idle' && view.now.bootMs >= this.#retryAtBootMs)
      this.#choose(view, outbox, group, wish);
  }

  done(view: View, outbox: Outbox, id: EffectId, completion: Completion): void {
    this.#reporter.done(view, id, completion);
    this.#drill.done(id, completion);
    const busy = this.#busy;
    if (busy.kind === 'idle') return;
    if (busy.kind === 'mirror-starting')
      return this.#mirrorProgress(view, busy.index, busy.start.done(view, outbox, id, completion));
    if (busy.id !== id) return;
    this.#busy = IDLE;
    switch (busy.kind) {
      case 'killing':
        return this.#killed(view, completion);
      case 'probing':
        assert(completion.of === 'probe', 'a probe tells a state');
        return this.#probed(view, busy.index, completion.state);
      case 'starting':
        return this.#started(busy.index, completion);
      case 'stopping':
        return this.#stopped(view, outbox, busy.index, completion);
      case 'demoting':
        return this.#demoted(view, busy.index, completion);
      case 'recording':
      case 'releasing':
        return this.#committed(view, busy.kind, completion);
      default:
        return unreachable(busy);
    }
  }

  /** What the monitor saw by itself. */
  reports(view: View, reports: readonly ResourceReport[]): void {
    const group = this.#owned(view);
    if (group && heldBy(view.state, group) !== undefined) return;
    for (const report of reports) {
      const index = report.group === this.#name ? this.#resources.indexOf(report.resource) : -1;
      if (index < 0 || !this.#shouldRun(index)) continue;
      if (report.state === 'failed' || report.state === 'stopped') this.#fail(index, report.reason);
    }
  }

  /** Only such a resource can fail: what is being stopped may well be found stopped. */
  #shouldRun(index: number): boolean {
    const { kind } = this.#busy;
    const stopping = (kind === 'stopping' || kind === 'demoting') && this.#busy.index === index;
    return this.#resources.at(index).state === 'running' && !stopping;
  }

  #owned(view: View): GroupState | undefined {
    const group = view.state.groups[this.#name];
    return group?.owner === view.self ? group : undefined;
  }

  /** Duty 1. */
  #beginEpoch(view: View, group: GroupState): void {
    const fresh = this.#epoch !== 0 || group.resources.every(({ state }) => state === 'stopped');
    this.#epoch = group.epoch;
    this.#spec = group.spec;
    this.#resources = fresh
      ? GroupResources.stopped(group.spec)
      : GroupResources.unknown(group.spec, group.resources);
    this.#busy = IDLE;
    this.#killFirst = fresh;
    this.#left = undefined;
    this.#failure = undefined;
    this.#stuck = undefined;
    this.#releasing = undefined;
    this.#epochSeenBootMs = view.now.bootMs;
    this.#killedForLapse = false;
    this.#pace.begin(view.now.bootMs, fresh);
    this.#reporter.reset();
  }

  /**
   * Duty 2. Before the heart has spoken nothing is known of the lease; a heart that was restarted may know nothing of it either, so
   * the grace counts from the epoch's first sight at the earliest.
   */
  #watchLease(view: View, outbox: Outbox): void {
    if (view.leases === undefined) return;
    const remainingMs = leaseRemainingMs(view, this.#name, this.#epoch);
    if (remainingMs >= 0) this.#killedForLapse = false;
    const endedForMs = Math.min(-remainingMs, view.now.bootMs - this.#epochSeenBootMs);
    if (endedForMs <= view.timing.goneGraceMs || this.#killedForLapse || this.#busy.kind === 'killing')
      return;
    if (this.nothingRuns()) return;
    this.#killedForLapse = true;
    this.#kill(outbox);
  }

  #kill(outbox: Outbox): void {
    this.#killFirst = false;
    this.#busy = { kind: 'killing', id: outbox.send({ kind: 'monitor-kill', group: this.#name }) };
  }

  #killed(view: View, completion: Completion): void {
    assert(completion.of === 'plain', 'a kill is answered plainly');
    if (completion.error) {
      this.#killFirst = true;
      const { message: reason } = completion.error;
      this.#left = { reason, sinceBootMs: this.#left?.sinceBootMs ?? view.now.bootMs };
      this.#retryAtBootMs = view.now.bootMs + KILL_RETRY_MS;
      return;
    }
    this.#left = undefined;
    this.#failure = undefined;
    this.#resources = GroupResources.stopped(this.#spec);
    this.#resources.findServedVolumes(view);
  }

  #choose(view: View, outbox: Outbox, group: GroupState | undefined, wish: Wish): void {
    if (this.#killFirst) return this.#kill(outbox);
    if (this.#releasing && group) return this.#appendRelease(outbox, this.#releasing);
    if (wish.kind === 'stop') this.#failure = undefined;
    if (this.#failure && group) return this.#recordFailure(view, outbox, group, this.#failure);
    if (this.#stuck && !this.#unstick(group)) return;
    const step = nextStep(this.#resources.states(), wish.kind);
    switch (step.kind) {
      case 'probe':
        return this.#probe(view, outbox, step.index);
      case 'start':
        if (group && this.#mayStart(view, group)) this.#start(view, outbox, step.index);
        return;
      case 'stop':
        if (!this.#drill.holds(outbox, group, this.#directoryAt(step.index)))
          this.#stop(view, outbox, step.index);
        return;
      case 'none':
        if (group && wish.kind === 'stop') this.#release(view, outbox, group, wish);
        return;
      default:
        return unreachable(step);
    }
  }

  /** Duties 2 and 3. */
  #mayStart(view: View, group: GroupState): boolean {
    const remainingMs = leaseRemainingMs(view, this.#name, this.#epoch);
    return this.#resources.outputsAreIn(group.resources) && remainingMs >= view.timing.leaseReserveMs;
  }

  #start(view: View, outbox: Outbox, index: number): void {
    const { spec, missing } = this.#resources.specAt(view.state, index);
    if (missing !== undefined) return this.#fail(index, missing);
    const volume = this.#resources.volumeAt(index);
    const timeoutMs = this.#resources.at(index).definition.startTimeoutMs;
    if (volume === undefined) {
      const id = outbox.send({ kind: 'monitor-start', resource: spec, epoch: this.#epoch, timeoutMs });
      this.#busy = { kind: 'starting', index, id };
      return;
    }
    const start = new MirrorStart(volume, spec, this.#epoch, timeoutMs, view.now.bootMs);
    this.#busy = { kind: 'mirror-starting', index, start };
    this.#mirrorProgress(view, index, start.step(view, outbox));
  }

  #started(index: number, completion: Completion): void {
    assert(completion.of === 'action', 'a start is an action');
    const { ok, reason, outputs, lost } = completion.result;
    if (ok) this.#resources.set(index, { state: 'running', reason: '', outputs });
    else if (lost) this.#resources.set(index, { state: 'unknown', reason });
    else this.#fail(index, reason);
  }

  #mirrorProgress(view: View, index: number, progress: MirrorProgress): void {
    if (progress.kind === 'busy') return;
    this.#busy = IDLE;
    const volume = this.#resources.volumeAt(index);
    assert(volume !== undefined, 'only a mirror resource makes mirror progress');
    if (progress.kind === 'failed') return this.#fail(index, progress.reason);
    if (progress.kind === 'lost')
      return this.#resources.set(index, { state: 'failed', reason: 'the monitor has gone' });
    const mirror = { volume, termNumber: progress.termNumber, sinceBootMs: view.now.bootMs, seen: false };
    this.#resources.set(index, { state: 'running', reason: '', outputs: progress.outputs, mirror });
  }

  #directoryAt(index: number): unknown {
    return mountPointOf(this.#resources.at(index).definition);
  }

  #stop(view: View, outbox: Outbox, index: number): void {
    const volume = this.#resources.volumeAt(index);
    if (volume !== undefined && !view.disk.volumes && !provenSecondary(view, volume))
      return this.#stopLater(view, index);
    const { spec } = this.#resources.specAt(view.state, index);
    const timeoutMs = this.#resources.at(index).definition.stopTimeoutMs;
    this.#busy = {
      kind: 'stopping',
      index,
      id: outbox.send({ kind: 'monitor-stop', resource: spec, timeoutMs }),
    };
  }

  #stopped(view: View, outbox: Outbox, index: number, completion: Completion): void {
    assert(completion.of === 'action', 'a stop is an action');
    const { ok, reason, lost } = completion.result;
    if (lost) return this.#resources.set(index, { state: 'unknown', reason });
    if (!ok && (this.#owned(view)?.spec ?? this.#spec).onStopFailure === 'kill') return this.#kill(outbox);
    if (!ok) return this.#block(view, index, reason);
    const volume = this.#resources.volumeAt(index);
    if (volume === undefined || provenSecondary(view, volume))
      return this.#resources.set(index, { state: 'stopped', reason: '', outputs: {} });
    if (!view.disk.volumes) return this.#stopLater(view, index);
    this.#busy = { kind: 'demoting', index, id: outbox.send({ kind: 'disk-demote', volume }) };
  }

  #demoted(view: View, index: number, completion: Completion): void {
    assert(completion.of === 'plain', 'a demotion is answered plainly');
    if (completion.error?.code === 'unreachable') this.#stopLater(view, index);
    else if (completion.error) this.#block(view, index, completion.error.message);
    else this.#resources.set(index, { state: 'stopped', reason: '', outputs: {} });
  }

  /** The disk process does not answer, so nobody knows whether it still serves. */
  #stopLater(view: View, index: number): void {
    this.#resources.set(index, { state: 'failed', reason: 'waiting for the disk process' });
    this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
  }

  /** Duty 5. */
  #block(view: View, index: number, reason: string): void {
    const { name } = this.#resources.at(index).definition;
    this.#resources.set(index, { state: 'failed', reason });
    this.#stuck = { reason: `${name} could not be stopped: ${reason}`, shown: false };
    this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
  }

  #unstick(group: GroupState | undefined): boolean {
    assert(this.#stuck !== undefined, 'only what is stuck is unstuck');
    if (!group) this.#stuck = undefined;
    else if (group.phase === 'blocked') this.#stuck = { ...this.#stuck, shown: true };
    else if (this.#stuck.shown) this.#stuck = undefined;
    return this.#stuck === undefined;
  }

  #probe(view: View, outbox: Outbox, index: number): void {
    const volume = this.#resources.volumeAt(index);
    if (volume !== undefined) {
      const serving = servesAgreedTerm(view, volume);
      const waited = view.now.bootMs - this.#epochSeenBootMs;
      if (serving === undefined && waited < view.timing.promotionShowMs) return;
      if (!serving) return this.#resources.set(index, { state: 'failed', reason: 'not primary' });
    }
    const { spec } = this.#resources.specAt(view.state, index);
    this.#busy = { kind: 'probing', index, id: outbox.send({ kind: 'monitor-probe', resource: spec }) };
  }

  #probed(view: View, index: number, state: ResourceState): void {
    // Its start was not heard to end: it is stopped and started, as what it offers is told only then.
    if (state === 'running' && this.#resources.lacksOutputs(index))
      return this.#resources.set(index, { state: 'failed', reason: 'found running, but not what it offers' });
    const volume = this.#resources.volumeAt(index);
    if (state === 'running' && volume !== undefined) {
      const termNumber = view.state.volumes[volume]?.term.number ?? 0;
      const mirror = { volume, termNumber, sinceBootMs: view.now.bootMs, seen: true };
      return this.#resources.set(index, { state: 'running', reason: '', mirror });
    }
    if (state === 'running') return this.#resources.set(index, { state: 'running', reason: '' });
    const waited = view.now.bootMs - this.#epochSeenBootMs;
    const settling = state !== 'stopped' && state !== 'failed';
    if (settling && waited < this.#resources.at(index).definition.startTimeoutMs) {
      this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
      return;
    }
    // A primary without its attachment still has to be demoted before it can be started again.
    if (state === 'stopped' && volume === undefined)
      return this.#resources.set(index, { state: 'stopped', outputs: {} });
    this.#resources.set(index, { state: 'failed', reason: `found ${state}` });
  }

  #checkMirrors(view: View): void {
    for (const [index, { mirror }] of this.#resources.entries()) {
      if (!mirror || !this.#shouldRun(index)) continue;
      const health = mirrorHealth(view, mirror);
      if (health.kind === 'gone') this.#fail(index, health.reason);
      else if (health.seen !== mirror.seen)
        this.#resources.set(index, { mirror: { ...mirror, seen: health.seen } });
    }
  }

  #fail(index: number, reason: string): void {
    this.#resources.set(index, { state: 'failed', reason });
    this.#failure ??= { index, reason };
  }

  /** Duty 4. */
  #recordFailure(
    view: View,
    outbox: Outbox,
    group: GroupState,
    failure: { readonly index: number; readonly reason: string },
  ): void {
    const { name, restart } = this.#resources.at(failure.index).definition;
    const before = group.failures.filter(({ node, resource }) => node === view.self && resource === name);
    // Older ones are dropped: nobody counts further than that.
    const isFull = group.failures.length >= FAILURES_MAX;
    const command: Command = {
      kind: 'resource-failed',
      group: this.#name,
      node: view.self,
      epoch: this.#epoch,
      resource: name,
      reason: failure.reason,
      gaveUp: isFull || before.length >= restart.attempts,
      atMs: view.now.wallMs,
    };
    this.#busy = { kind: 'recording', id: outbox.send({ kind: 'append', command }) };
  }

  #release(view: View, outbox: Outbox, group: GroupState, wish: Extract<Wish, { kind: 'stop' }>): void {
    if (this.#resources.findServedVolumes(view)) {
      this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
      return;
    }
    this.#releasing = {
      kind: 'group-released',
      group: this.#name,
      node: view.self,
      epoch: group.epoch,
      outcome: wish.outcome,
      reason: wish.reason,
      ...this.#pace.stopped(view.now.bootMs),
      atMs: view.now.wallMs,
    };
    this.#appendRelease(outbox, this.#releasing);
  }

  #appendRelease(outbox: Outbox, command: Command): void {
    this.#busy = { kind: 'releasing', id: outbox.send({ kind: 'append', command }) };
  }

  #committed(view: View, kind: 'recording' | 'releasing', completion: Completion): void {
    assert(completion.of === 'append', 'only appends are committed');
    if (completion.result.kind !== 'applied') this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
    else if (kind === 'recording') this.#failure = undefined;
  }

  #report(view: View, outbox: Outbox, group: GroupState, wish: Wish): void {
    this.#reporter.step(view, outbox, group, {
      ...this.#phase(view, wish),
      resources: this.#resources.summarise(),
      ...this.#pace.started(),
    });
  }

  #phase(
    view: View,
    wish: Wish,
  ): {
    readonly phase: 'starting' | 'online' | 'stopping' | 'blocked';
    readonly reason: string;
  } {
    if (this.#left) {
      const reason = `what is left of it on ${view.self} cannot be taken away: ${this.#left.reason}`;
      const lasts = view.now.bootMs - this.#left.sinceBootMs >= KILL_PATIENCE_MS;
      return { phase: lasts ? 'blocked' : wish.kind === 'stop' ? 'stopping' : 'starting', reason };
    }
    if (this.#stuck) return { phase: 'blocked', reason: this.#stuck.reason };
    if (wish.kind === 'stop') return { phase: 'stopping', reason: wish.reason };
    const problem = this.#resources.firstFailed();
    if (problem) return { phase: 'starting', reason: `${problem.definition.name}: ${problem.reason}` };
    return { phase: this.#resources.allAre('running') ? 'online' : 'starting', reason: '' };
  }
}
