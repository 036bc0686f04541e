/**
 * What the leader decides about one group, from what it knows now. Pure: the duties (`duties.ts`) append the answer as an entry.
 *
 *   owner   desired   decision
 *   none    started   assign to the best node, having given up what it lacks where that is allowed; or say why there is none
 *   none    stopped   nothing
 *   lost    any       nothing, until its last lease, grace and margin are over; then assign elsewhere, or expire the ownership; where it
 *                     has to be fenced (`fencing.ts`) a confirmed fence is waited for, which frees the group
 *   there   started   move it away from a node in standby, from a disk that has failed (`onDiskError: move`), when its rules want it elsewhere, or
 *                     from trouble that another node does not have (`footing.ts`); home when failback allows
 *   there   stopped   nothing: the owner stops it and lets go
 *
 * In maintenance (state/held.ts): nothing at all.
 */
import type { Command } from '../../state/commands.ts';
import type { GroupState } from '../../state/model.ts';
import { heldBy, waitsFor } from '../../state/held.ts';
import { strayObstacle } from '../../state/strays.ts';
import { volumesOf } from '../../state/references.ts';
import { isCutOff, type View } from '../view.ts';
import { companyObstacle, orderObstacle } from './company.ts';
import type { LeaseBook } from './lease-book.ts';
import { CLEAR_ALLOWANCE_MS } from '../../heart/vigil.ts';
import { enforcementOf } from './fencing.ts';
import { failbackMove } from './failback.ts';
import { reasonToLeave } from './footing.ts';
import type { Placement } from './placement.ts';
import { place } from './placement.ts';

export interface LeaderView {
  readonly view: View;
  readonly alive: ReadonlySet<string>;
  readonly leases: Pick<LeaseBook, 'provenGoneBootMs' | 'lastEndBootMs'>;
  readonly leaderTerm: number;
  /** Since when a node is heard without a break; undefined: it is not. */
  readonly heardSinceBootMs: ReadonlyMap<string, number>;
}

export type GroupDecision = Extract<
  Command,
  { kind: 'group-assign' | 'group-expired' | 'group-unplaceable' | 'group-move' | 'volume-give-up' }
>;

export function decideGroup(leader: LeaderView, group: GroupState): GroupDecision | undefined {
  if (heldBy(leader.view.state, group) !== undefined) return undefined;
  if (group.owner === null) return decidePlacement(leader, group);
  if (!leader.alive.has(group.owner)) return decideTakeOver(leader, group, group.owner);
  return decideMove(leader, group, group.owner);
}

function decidePlacement(leader: LeaderView, group: GroupState): GroupDecision | undefined {
  if (group.desired === 'stopped' || waitsFor(group, (node) => leader.alive.has(node)) !== undefined)
    return undefined;
  const placement = place(leader.view.state, group, leader);
  const waits = orderObstacle(leader.view.state, group);
  if (placement.chosen !== null && waits === undefined)
    return giveUp(leader, placement) ?? assign(leader, group, placement.chosen, placement);
  // An order is not forgotten while its group only waits for its turn.
  if (waits !== undefined && isMeant(group.move)) return undefined;
  const reason = waits ?? placement.reason;
  if (group.phase === 'blocked' && group.reason === reason) return undefined;
  return {
    kind: 'group-unplaceable',
    group: group.spec.name,
    expectedEpoch: group.epoch,
    reason,
    leaderTerm: leader.leaderTerm,
    atMs: leader.view.now.wallMs,
  };
}

/** Somebody meant it to go there, or not to be driven home from there: being driven away says no more than that it left. */
function isMeant(move: GroupState['move']): boolean {
  return move !== null && (move.to !== null || !move.displaces);
}

/** By then the watchdog of `owner`, if it is what makes certain that it stops, has fired: it is fed until what had to be gone is overdue. */
function resetBootMs({ view, leases }: LeaderView, owner: string): number {
  const watchdogMs = view.state.members[owner]?.watchdogMs ?? null;
  const resetMs = watchdogMs === null ? 0 : CLEAR_ALLOWANCE_MS + watchdogMs;
  return leases.provenGoneBootMs(owner, view.timing) + resetMs;
}

function decideTakeOver(leader: LeaderView, group: GroupState, owner: string): GroupDecision | undefined {
  const { view } = leader;
  if (view.now.bootMs < leader.leases.provenGoneBootMs(owner, view.timing)) return undefined;
  if (enforcementOf(view, owner) === 'fencing' || view.now.bootMs < resetBootMs(leader, owner))
    return undefined;
  const placement = place(view.state, group, leader, owner);
  const waits = orderObstacle(view.state, group);
  if (
    group.desired === 'started' &&
    placement.chosen !== null &&
    waits === undefined &&
    giveUp(leader, placement) === undefined
  )
    return assign(leader, group, placement.chosen, placement);
  return {
    kind: 'group-expired',
    group: group.spec.name,
    expectedEpoch: group.epoch,
    reason: `${owner} is ${isCutOff(view, owner) ? 'cut off' : 'lost'}`,
    leaderTerm: leader.leaderTerm,
    atMs: view.now.wallMs,
  };
}

/**
 * An epoch that an entry without an answer may still end has had no lease since before that entry, so nothing runs by it: where its owner is heard again it is ended
 * for certain, or it would stay without one.
 */
export function endTaken({ view, leaderTerm }: LeaderView, group: GroupState): GroupDecision {
  return {
    kind: 'group-expired',
    group: group.spec.name,
    expectedEpoch: group.epoch,
    reason: `${group.owner ?? ''} was lost`,
    leaderTerm,
    atMs: view.now.wallMs,
  };
}

/** What the chosen node lacks has to be given up, by entries of their own, before the group is given to it. */
function giveUp(leader: LeaderView, { chosen, candidates }: Placement): GroupDecision | undefined {
  const candidate = candidates.find(({ node }) => node === chosen);
  const volume = candidate?.lacking[0];
  if (candidate === undefined || volume === undefined) return undefined;
  return {
    kind: 'volume-give-up',
    volume: volume.spec.name,
    node: candidate.node,
    expectedVersion: volume.inSyncSet.version,
    leaderTerm: leader.leaderTerm,
    atMs: leader.view.now.wallMs,
  };
}

function decideMove(leader: LeaderView, group: GroupState, owner: string): GroupDecision | undefined {
  if (group.desired === 'stopped' || group.move !== null || group.phase !== 'online') return undefined;
  if (strayObstacle(group) !== undefined) return undefined;
  const { view } = leader;
  const move = { kind: 'group-move', group: group.spec.name, atMs: view.now.wallMs } as const;
  if (view.state.members[owner]?.mode === 'standby') {
    const placement = place(view.state, group, leader, owner);
    if (placement.chosen === null) return undefined;
    return { ...move, to: null, reason: `${owner} is in standby`, displaces: true };
  }
  const failed = failedDisk(view, group, owner);
  if (failed !== undefined && place(view.state, group, leader, owner).chosen !== null)
    return { ...move, to: null, reason: `the disk of ${failed} on ${owner} has failed`, displaces: true };
  const company = companyObstacle(view.state, group, owner);
  if (company !== undefined && place(view.state, group, leader, owner).chosen !== null)
    return { ...move, to: null, reason: `${owner} ${company}`, displaces: true };
  const trouble = reasonToLeave(view.state, group, owner);
  if (trouble !== undefined && hasBetterNode(leader, group, owner))
    return { ...move, to: null, reason: `${owner} has trouble: ${trouble}`, displaces: true };
  const back = failbackMove(leader, group, owner);
  return back && { ...move, to: back.to, reason: back.reason, displaces: false };
}

/** Nobody is moved from bad to as bad. */
function hasBetterNode(leader: LeaderView, group: GroupState, owner: string): boolean {
  const { state } = leader.view;
  const { chosen } = place(state, group, leader, owner);
  return chosen !== null && reasonToLeave(state, group, chosen) === undefined;
}

/** The volume that `owner` serves from others, because its own replica has failed and left the set. */
function failedDisk({ state }: View, group: GroupState, owner: string): string | undefined {
  return volumesOf(group.spec).find((name) => {
    const volume = state.volumes[name];
    if (volume?.spec.onDiskError !== 'move' || volume.primary !== owner) return false;
    const told = volume.summary.find(({ node }) => node === owner);
    return told?.disk === 'Failed' && !volume.inSyncSet.members.includes(owner);
  });
}

function assign(leader: LeaderView, group: GroupState, owner: string, placement: Placement): GroupDecision {
  return {
    kind: 'group-assign',
    group: group.spec.name,
    expectedEpoch: group.epoch,
    owner,
    reason: placement.reason,
    displaced: owner !== group.spec.nodes[0] && !isWanted(group.move, owner),
    leaderTerm: leader.leaderTerm,
    atMs: leader.view.now.wallMs,
  };
}

/** Somebody meant it to go to `owner`. Who meant it to go elsewhere, or home, did not mean it to stay where it could go. */
function isWanted(move: GroupState['move'], owner: string): boolean {
  return move !== null && !move.displaces && (move.to === null || move.to === owner);
}
