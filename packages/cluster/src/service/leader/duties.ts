/**
 * What a leader does, and nobody else:
 * 1. It commits its `lead` entry before anything; until that is applied here it grants and decides nothing.
 * 2. It grants leases within its own authority, never for a group that it is taking away.
 * 3. It takes over from lost owners, places groups without owner, moves them off standby nodes and home again (`decide.ts`); before that it
 *    has those fenced whose leases prove nothing (`fencing.ts`).
 * 4. It keeps the timeline of who is heard, and lets old failures be forgotten.
 * 5. It raises the feature level once every member's program knows a higher one (`state/levels.ts`).
 * 6. It says when it goes on alone, before it decides anything, and when the pair is whole again (`alone.ts`).
 */
import type { Command } from '../../state/commands.ts';
import { isSealed } from '../../state/apply-log.ts';
import { commonLevel } from '../../state/levels.ts';
import { heldBy } from '../../state/held.ts';
import type { FailureRecord, FenceState, GroupState, LogPlace } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import { volumesOf } from '../../state/references.ts';
import type { AppendResult, EffectId, Outbox } from '../effects.ts';
import { isUnsaid, type View } from '../view.ts';
import { decideAlone } from './alone.ts';
import type { LeaderView } from './decide.ts';
import { decideGroup, endTaken } from './decide.ts';
import type { FenceDecision } from './fencing.ts';
import { decideFences } from './fencing.ts';
import { epochOfTerm } from '../../node/epochs.ts';
import { MOVE_GRACE_MS } from '../timing.ts';
import { LeaseBook } from './lease-book.ts';
import type { HeardRequest } from './requests.ts';

/** A node that is heard and cannot follow within this keeps the log where it is. */
const READY_WITHIN_MS = 30_000;
/** Between two attempts to fence a node. */
const FENCE_RETRY_MS = 5_000;

interface Granted {
  readonly heard: HeardRequest;
  readonly durationMs: number;
  readonly ownerships: string;
}

/** An entry on its way; nothing else is decided about the same subject meanwhile. */
interface Pending {
  readonly subject: string;
  readonly command: Command;
}

export class LeaderDuties {
  readonly #raftTerm: number;
  readonly #leases: LeaseBook;
  readonly #heardSinceBootMs = new Map<string, number>();
  /** Group → failures on record, by number and time (numbers come again), and since when this leadership has seen each. */
  readonly #failureSeenBootMs = new Map<string, ReadonlyMap<string, number>>();
  /** Node and attempt of a failed fence → when it was seen. */
  readonly #fenceFailedBootMs = new Map<string, number>();
  readonly #pending = new Map<EffectId, Pending>();
  /** Node → its newest lease, and for which ownerships it was given. */
  readonly #granted = new Map<string, Granted>();
  /**
   * Group → epoch that an entry of this leadership ends. While its outcome is open it may still be committed, so
   * the epoch gets no lease any more.
   */
  readonly #taking = new Map<string, number>();
  /** Since when this leadership has seen the log in this phase. */
  #logPhase: { readonly phase: LogPlace['phase']; readonly sinceBootMs: number } | undefined;
  /** Since when this leadership has seen this change of the profile. */
  #settling: { readonly revision: number; readonly sinceBootMs: number } | undefined;
  /** Subject → when it may be tried again. */
  readonly #retryAtBootMs = new Map<string, number>();

  constructor(raftTerm: number, electedAtBootMs: number) {
    this.#raftTerm = raftTerm;
    this.#leases = new LeaseBook(electedAtBootMs);
  }

  get raftTerm(): number {
    return this.#raftTerm;
  }

  active(view: View): boolean {
    return view.leadership.isLeader && view.state.leaderTerm === this.#raftTerm;
  }

  leaseRemainingMs(node: string, view: View): number | null {
    return this.#leases.remainingMs(node, view.now.bootMs);
  }

  step(view: View, outbox: Outbox, requests: Iterable<HeardRequest>): void {
    const atMs = view.now.wallMs;
    if (isSealed(view.state)) return this.#begin(view, outbox);
    if (!this.active(view)) {
      this.#append(view, outbox, 'lead', { kind: 'lead', node: view.self, leaderTerm: this.#raftTerm, atMs });
      return;
    }
    if (view.alive === undefined) return;
    for (const heard of requests) this.#grant(view, outbox, view.alive, heard);
    this.#watchMembers(view, outbox, view.alive);
    this.#raiseLevel(view, outbox);
    this.#grantNewOwners(view, outbox);
    const leader: LeaderView = {
      view,
      alive: view.alive,
      leases: this.#leases,
      leaderTerm: this.#raftTerm,
      heardSinceBootMs: this.#heardSinceBootMs,
    };
    const alone = decideAlone(view, this.#raftTerm);
    if (alone) this.#append(view, outbox, 'alone', alone);
    if (isUnsaid(view)) return;
    this.#moveLog(view, outbox);
    this.#settleProfile(view, outbox);
    this.#forgetFences(view);
    for (const decision of decideFences(leader)) this.#fence(view, outbox, decision);
    for (const group of sortedValues(view.state.groups)) {
      this.#forgetFailures(view, outbox, group);
      const decision = this.#isTakenFromHeard(leader, group)
        ? endTaken(leader, group)
        : decideGroup(leader, group);
      if (decision) this.#append(view, outbox, `group ${group.spec.name}`, decision);
    }
  }

  /** At once, for one request; all that are open are looked at with every step. */
  answer(view: View, outbox: Outbox, heard: HeardRequest): void {
    if (isSealed(view.state) || !this.active(view) || view.alive === undefined) return;
    this.#grant(view, outbox, view.alive, heard);
  }

  /** A sealed log grants and decides nothing more; the one that follows it begins with an entry that says so. */
  #begin(view: View, outbox: Outbox): void {
    const epoch = view.state.log.epoch + 1;
    if (epochOfTerm(this.#raftTerm) === epoch)
      this.#append(view, outbox, 'log', { kind: 'log-begin', epoch, atMs: view.now.wallMs });
  }

  /** Seals the log once every lease has a long grace; ends the long graces once they are certainly over. */
  #moveLog(view: View, outbox: Outbox): void {
    const { state, timing, now } = view;
    const { phase, epoch } = state.log;
    if (this.#logPhase?.phase !== phase) this.#logPhase = { phase, sinceBootMs: now.bootMs };
    const passedMs = now.bootMs - this.#logPhase.sinceBootMs;
    const said = { epoch, leaderTerm: this.#raftTerm, atMs: now.wallMs };
    const missing = Object.keys(state.members).filter(
      (name) => view.alive?.has(name) === true && !state.log.ready.includes(name),
    );
    if (phase === 'moving' && missing.length > 0 && passedMs >= READY_WITHIN_MS) {
      const reason = `${missing.join(', ')} does not reach where it was to go`;
      this.#append(view, outbox, 'log', { kind: 'log-stay', ...said, reason });
    } else if (phase === 'moving' && missing.length === 0 && passedMs >= 2 * timing.leaseMs)
      this.#append(view, outbox, 'log', { kind: 'log-seal', ...said });
    if (phase === 'settling' && passedMs >= timing.leaseMs + MOVE_GRACE_MS + timing.marginMs)
      this.#append(view, outbox, 'log', { kind: 'log-settled', ...said });
  }

  /**
   * This leader grants by the new profile since it has applied it, and earlier ones were over when it was elected: counted from the later of both, no
   * lease of the profile before, and nothing that ran by it, is left after the longest lease, grace and margin.
   */
  #settleProfile(view: View, outbox: Outbox): void {
    const { state, timing, now } = view;
    const { settling } = state;
    if (this.#settling?.revision !== settling?.revision)
      this.#settling =
        settling === null ? undefined : { revision: settling.revision, sinceBootMs: now.bootMs };
    if (settling === null || this.#settling === undefined) return;
    if (now.bootMs - this.#settling.sinceBootMs < timing.heldMs + timing.goneGraceMs + timing.marginMs)
      return;
    const { revision } = settling;
    const said = { leaderTerm: this.#raftTerm, atMs: now.wallMs };
    this.#append(view, outbox, 'profile', { kind: 'profile-settled', revision, ...said });
  }

  /**
   * Duty 2; every request once. A node whose requests arrive although it counts as lost may not hear the answers; a lease that it never gets would only put off
   * the take-over.
   */
  #grant(view: View, outbox: Outbox, alive: ReadonlySet<string>, heard: HeardRequest): void {
    const { node } = heard.request;
    const isAnswered = this.#granted.get(node)?.heard === heard;
    if (isAnswered || view.state.members[node]?.role !== 'node' || !alive.has(node)) return;
    const { now, leadership, timing } = view;
    const durationMs = this.#leases.grant(heard, now.bootMs, leadership.authorityUntilBootMs, timing);
    if (durationMs > 0) this.#sendGrant(view, outbox, heard, durationMs);
  }

  /**
   * A new owner need not wait for its heart to ask again: its newest request is answered once more, for the same time from the
   * same moment, so that the lease ends no later than the book says.
   */
  #grantNewOwners(view: View, outbox: Outbox): void {
    for (const [node, { heard, durationMs, ownerships }] of this.#granted)
      if (ownerships !== this.#ownerships(view, node)) this.#sendGrant(view, outbox, heard, durationMs);
  }

  #sendGrant(view: View, outbox: Outbox, heard: HeardRequest, durationMs: number): void {
    const { request } = heard;
    const { node } = request;
    const groups = this.#owned(view, node).map(({ spec, epoch }) => ({
      group: spec.name,
      epoch,
      volumes: volumesOf(spec),
    }));
    this.#granted.set(node, { heard, durationMs, ownerships: this.#ownerships(view, node) });
    outbox.grant({ request, durationMs, graceMs: view.timing.graceMs, groups });
  }

  #owned(view: View, node: string): readonly GroupState[] {
    return sortedValues(view.state.groups).filter(
      (group) => group.owner === node && this.#taking.get(group.spec.name) !== group.epoch,
    );
  }

  /** An entry without an answer was to take it from its owner, who is heard again. */
  #isTakenFromHeard({ view, alive }: LeaderView, group: GroupState): boolean {
    const { owner, epoch, spec } = group;
    if (owner === null || !alive.has(owner) || this.#taking.get(spec.name) !== epoch) return false;
    return heldBy(view.state, group) === undefined;
  }

  #ownerships(view: View, node: string): string {
    return this.#owned(view, node)
      .map(({ spec, epoch }) => `${spec.name}@${epoch}`)
      .join(' ');
  }

  done(view: View, id: EffectId, result: AppendResult): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    if (isTaking(pending.command) && result.kind !== 'unknown') this.#taking.delete(pending.command.group);
    // A refused decision would be refused again until something changes; an unknown one is settled by waiting.
    if (result.kind !== 'applied' || result.refused)
      this.#retryAtBootMs.set(pending.subject, view.now.bootMs + view.timing.retryMs);
  }

  #append(view: View, outbox: Outbox, subject: string, command: Command): void {
    if ([...this.#pending.values()].some((pending) => pending.subject === subject)) return;
    if (view.now.bootMs < (this.#retryAtBootMs.get(subject) ?? Number.NEGATIVE_INFINITY)) return;
    this.#retryAtBootMs.delete(subject);
    if (isTaking(command)) this.#taking.set(command.group, command.expectedEpoch);
    this.#pending.set(outbox.send({ kind: 'append', command }), { subject, command });
  }

  /** An attempt that failed is followed by the next one only after a while, and stands as long for who gave the order to see why. */
  #fence(view: View, outbox: Outbox, decision: FenceDecision): void {
    const { node } = decision;
    const attempt = view.state.fences[node]?.attempt ?? 0;
    const failure = failureOf({ node, attempt });
    if (attempt > 0 && (decision.kind === 'fence-assign' || decision.kind === 'fence-cancel')) {
      const seenBootMs = this.#fenceFailedBootMs.get(failure) ?? view.now.bootMs;
      if (!this.#fenceFailedBootMs.has(failure)) this.#fenceFailedBootMs.set(failure, seenBootMs);
      if (view.now.bootMs < seenBootMs + FENCE_RETRY_MS) return;
      this.#fenceFailedBootMs.delete(failure);
    }
    this.#append(view, outbox, `fence ${node}`, decision);
  }

  /** One that was settled in another way: attempts at the node are counted anew. */
  #forgetFences({ state }: View): void {
    if (this.#fenceFailedBootMs.size === 0) return;
    const open = new Set(sortedValues(state.fences).map(failureOf));
    for (const failure of this.#fenceFailedBootMs.keys())
      if (!open.has(failure)) this.#fenceFailedBootMs.delete(failure);
  }

  #watchMembers(view: View, outbox: Outbox, alive: ReadonlySet<string>): void {
    for (const member of sortedValues(view.state.members)) {
      const { name } = member;
      const heard = alive.has(name);
      if (!heard) this.#heardSinceBootMs.delete(name);
      else if (!this.#heardSinceBootMs.has(name)) this.#heardSinceBootMs.set(name, view.now.bootMs);
      const presence = heard ? 'online' : 'lost';
      const settled = heard && member.presence === 'leaving';
      const neverSeen = !heard && member.presence === 'unknown';
      if (member.presence === presence || settled || neverSeen) continue;
      this.#append(view, outbox, `member ${name}`, {
        kind: 'node-presence',
        name,
        presence,
        leaderTerm: this.#raftTerm,
        atMs: view.now.wallMs,
      });
    }
  }

  #raiseLevel(view: View, outbox: Outbox): void {
    const { state, now } = view;
    const level = commonLevel(state);
    if (level <= state.level) return;
    const command = { kind: 'level-raise', level, leaderTerm: this.#raftTerm, atMs: now.wallMs } as const;
    this.#append(view, outbox, 'level', command);
  }

  /** Ages run on the boot clock of the leader that watches; a new leader counts anew, which only delays. */
  #forgetFailures(view: View, outbox: Outbox, group: GroupState): void {
    const { name } = group.spec;
    const { bootMs } = view.now;
    const before = this.#failureSeenBootMs.get(name);
    const seen = new Map(group.failures.map((each) => [keyOf(each), before?.get(keyOf(each)) ?? bootMs]));
    this.#failureSeenBootMs.set(name, seen);
    const old = group.failures.filter(
      (each) => bootMs - (seen.get(keyOf(each)) ?? bootMs) > windowMs(group, each),
    );
    if (old.length === 0) return;
    this.#append(view, outbox, `failures ${name}`, {
      kind: 'failures-forget',
      group: name,
      ids: old.map(({ id }) => id),
      leaderTerm: this.#raftTerm,
      atMs: view.now.wallMs,
    });
  }
}

function failureOf({ node, attempt }: Pick<FenceState, 'node' | 'attempt'>): string {
  return `${node} ${attempt}`;
}

function keyOf({ id, atMs }: FailureRecord): string {
  return `${id} ${atMs}`;
}

function windowMs(group: GroupState, failure: FailureRecord): number {
  return group.spec.resources.find(({ name }) => name === failure.resource)?.restart.windowMs ?? 0;
}

function isTaking(command: Command): command is Extract<Command, { kind: 'group-assign' | 'group-expired' }> {
  return command.kind === 'group-assign' || command.kind === 'group-expired';
}
