/**
 * Who runs a group. Invariant 4 rests on the epoch: only the owner of the current epoch may speak about the group, every
 * assignment begins a new one, and leases name it.
 */
import { unreachable } from '@eterne/base';
import type { GroupCommand, Stamp } from './commands.ts';
import type { ClusterState, FailureRecord, GroupState } from './model.ts';
import { capacityObstacle } from './capacity.ts';
import { applyDrill, reportDrill } from './apply-drill.ts';
import { applyStrays, strayObstacle } from './strays.ts';
import { heldBy } from './held.ts';
import { LIVES_LEVEL } from './levels.ts';
import { orderKept, stoppedResources, withGroup, withoutOwner, withoutPrimaries } from './groups.ts';
import type { Outcome } from './outcome.ts';
import { accepted, noSuch, refuse, withEvent } from './outcome.ts';

/** Older failures of a group are dropped beyond this, whatever their age. */
export const FAILURES_MAX = 64;

type Of<Kind extends GroupCommand['kind']> = Stamp & Extract<GroupCommand, { kind: Kind }>;

export function applyGroup(state: ClusterState, command: Stamp & GroupCommand): Outcome {
  const group = state.groups[command.group];
  if (!group) return { state, refused: noSuch('group', command.group, state.groups) };
  switch (command.kind) {
    case 'group-maintenance':
      return setMaintenance(state, group, command);
    case 'group-desire':
      return desire(state, group, command);
    case 'group-move':
      return requestMove(state, group, command);
    case 'group-assign':
    case 'group-expired':
    case 'group-unplaceable':
    case 'failures-forget':
      return applyLeaderWord(state, group, command);
    case 'group-phase':
    case 'group-released':
    case 'resource-failed':
    case 'drill-report':
      return applyOwnerWord(state, group, command);
    case 'group-strays':
      return applyStrays(state, group, command);
    case 'drill-begin':
    case 'drill-end':
      return applyDrill(state, group, command);
    default:
      return unreachable(command);
  }
}

function applyLeaderWord(
  state: ClusterState,
  group: GroupState,
  command: Of<'group-assign' | 'group-expired' | 'group-unplaceable' | 'failures-forget'>,
): Outcome {
  if (command.leaderTerm !== state.leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  switch (command.kind) {
    case 'group-assign':
      return assign(state, group, command);
    case 'group-expired':
      return expire(state, group, command);
    case 'group-unplaceable':
      return giveUpPlacing(state, group, command);
    case 'failures-forget': {
      const failures = group.failures.filter((failure) => !command.ids.includes(failure.id));
      return accepted(withGroup(state, { ...group, failures }));
    }
    default:
      return unreachable(command);
  }
}

function applyOwnerWord(
  state: ClusterState,
  group: GroupState,
  command: Of<'group-phase' | 'group-released' | 'resource-failed' | 'drill-report'>,
): Outcome {
  if (group.owner !== command.node || group.epoch !== command.epoch)
    return refuse(
      state,
      'conflict',
      `${command.node} does not own ${command.group} in epoch ${command.epoch}`,
    );
  switch (command.kind) {
    case 'group-phase':
      return setPhase(state, group, command);
    case 'group-released':
      return release(state, group, command);
    case 'resource-failed':
      return recordFailure(state, group, command);
    case 'drill-report':
      return reportDrill(state, group, command);
    default:
      return unreachable(command);
  }
}

function setMaintenance(state: ClusterState, group: GroupState, command: Of<'group-maintenance'>): Outcome {
  if (group.maintenance === command.on) return accepted(state);
  return accepted(
    withEvent(withGroup(state, { ...group, maintenance: command.on }), command, {
      level: 'info',
      code: command.on ? 'group.maintenance' : 'group.active',
      group: command.group,
      message: command.on
        ? `group ${command.group} is in maintenance: nothing is done about it`
        : `the maintenance of group ${command.group} is over`,
    }),
  );
}

/** An operator's word also forgives: failures are forgotten, a blocked group is tried again. */
function desire(state: ClusterState, group: GroupState, command: Of<'group-desire'>): Outcome {
  const { desired } = command;
  const blockedOnOwner = group.phase === 'blocked' && group.owner !== null;
  const phase = blockedOnOwner ? 'stopping' : idlePhase(group, desired);
  const next = withGroup(state, { ...group, desired, phase, failures: [], move: null });
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: desired === 'started' ? 'group.start' : 'group.stop',
      group: command.group,
      message: `group ${command.group} is to be ${desired}`,
    }),
  );
}

function idlePhase(group: GroupState, desired: 'started' | 'stopped'): GroupState['phase'] {
  return group.owner === null && desired === 'stopped' ? 'stopped' : group.phase;
}

function requestMove(state: ClusterState, group: GroupState, command: Of<'group-move'>): Outcome {
  const { to, reason, displaces } = command;
  if (group.owner === null) return refuse(state, 'refused', `group ${command.group} runs nowhere; start it`);
  if (to === group.owner) return refuse(state, 'refused', `group ${command.group} is on ${to} already`);
  if (to !== null && !group.spec.nodes.includes(to))
    return refuse(state, 'refused', `group ${command.group} may not run on ${to}: it is not among its nodes`);
  if (group.phase === 'blocked')
    return refuse(state, 'refused', `group ${command.group} is blocked: ${group.reason}`);
  if (isOvertaken(state, group, command))
    return refuse(state, 'conflict', `group ${command.group} is to be moved already`);
  const held = heldBy(state, group) ?? strayObstacle(group);
  if (held !== undefined) return refuse(state, 'refused', `group ${command.group} is not moved: ${held}`);
  const next = withGroup(state, { ...group, move: { to, reason, displaces } });
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: 'group.move',
      group: command.group,
      node: group.owner,
      message: `group ${command.group} is to leave ${group.owner}${to === null ? '' : ` for ${to}`}: ${reason}`,
    }),
  );
}

/** The leader decided it before it knew of an order that somebody has given: that stands. */
function isOvertaken({ level }: ClusterState, { move }: GroupState, { by }: Of<'group-move'>): boolean {
  return level >= LIVES_LEVEL && move !== null && by === undefined;
}

function assign(state: ClusterState, group: GroupState, command: Of<'group-assign'>): Outcome {
  const member = state.members[command.owner];
  if (group.epoch !== command.expectedEpoch)
    return refuse(state, 'conflict', `group ${command.group} is in epoch ${group.epoch} by now`);
  if (group.desired !== 'started')
    return refuse(state, 'conflict', `group ${command.group} is to be stopped`);
  if (member?.role !== 'node' || !group.spec.nodes.includes(command.owner))
    return refuse(state, 'refused', `group ${command.group} may not run on ${command.owner}`);
  const stray = strayObstacle(group);
  if (stray !== undefined) return refuse(state, 'conflict', `group ${command.group} waits: ${stray}`);
  const full = capacityObstacle(state, group, command.owner);
  if (full !== undefined) return refuse(state, 'conflict', `${command.owner} ${full}`);
  const next = withGroup(
    { ...withoutPrimaries(state, group, 'unclean'), epoch: state.epoch + 1 },
    {
      ...group,
      owner: command.owner,
      epoch: state.epoch + 1,
      phase: 'starting',
      reason: command.reason,
      resources: stoppedResources(group.spec),
      move: null,
      displaced: command.displaced,
    },
  );
  const takeOver = group.owner !== null && group.owner !== command.owner;
  return accepted(
    withEvent(next, command, {
      level: takeOver ? 'warning' : 'info',
      code: takeOver ? 'group.takeover' : 'group.assigned',
      group: command.group,
      node: command.owner,
      message: `group ${command.group} goes to ${command.owner}: ${command.reason}`,
    }),
  );
}

function expire(state: ClusterState, group: GroupState, command: Of<'group-expired'>): Outcome {
  if (group.epoch !== command.expectedEpoch || group.owner === null)
    return refuse(state, 'conflict', `group ${command.group} moved on`);
  const next = withoutOwner(state, group, 'unclean', {
    phase: group.desired === 'stopped' ? 'stopped' : 'failed',
    reason: command.reason,
    move: orderKept(state, group),
  });
  return accepted(
    withEvent(next, command, {
      level: 'warning',
      code: 'group.expired',
      group: command.group,
      node: group.owner,
      message: `group ${command.group} is gone from ${group.owner}: ${command.reason}`,
    }),
  );
}

function giveUpPlacing(state: ClusterState, group: GroupState, command: Of<'group-unplaceable'>): Outcome {
  if (group.epoch !== command.expectedEpoch || group.owner !== null)
    return refuse(state, 'conflict', `group ${command.group} moved on`);
  const next = withGroup(state, { ...group, phase: 'blocked', reason: command.reason, move: null });
  return accepted(
    withEvent(next, command, {
      level: 'error',
      code: 'group.unplaceable',
      group: command.group,
      message: `group ${command.group} cannot run anywhere: ${command.reason}`,
    }),
  );
}

function setPhase(state: ClusterState, group: GroupState, command: Of<'group-phase'>): Outcome {
  const { phase, reason, resources, node, tookMs } = command;
  const lastStartMs = tookMs ?? group.lastStartMs;
  const next = withGroup(state, { ...group, phase, reason, resources, lastStartMs });
  if (phase === group.phase) return accepted(next);
  return accepted(
    withEvent(next, command, {
      level: phase === 'blocked' ? 'error' : 'info',
      code: `group.${phase}`,
      group: command.group,
      node,
      message: `group ${command.group} is ${phase} on ${node}${reason === '' ? '' : `: ${reason}`}`,
    }),
  );
}

function release(state: ClusterState, group: GroupState, command: Of<'group-released'>): Outcome {
  const { outcome: phase, reason, tookMs } = command;
  const move = frozenMove(state, group) ?? group.move;
  const stopped = { ...group, move, lastStopMs: tookMs ?? group.lastStopMs };
  const next = withoutOwner(state, stopped, 'clean', { phase, reason });
  return accepted(
    withEvent(next, command, {
      level: command.outcome === 'failed' ? 'warning' : 'info',
      code: 'group.released',
      group: command.group,
      node: command.node,
      message: `group ${command.group} is stopped on ${command.node}: ${command.reason}`,
    }),
  );
}

/** The owner is being stopped, and what it ran is to wait for it, unless it was to leave anyway. */
function frozenMove({ config, members }: ClusterState, group: GroupState): GroupState['move'] {
  const { owner, desired, move, displaced } = group;
  const node = members[owner ?? ''];
  const isFrozen =
    config.onShutdown === 'freeze' || (config.onShutdown === 'conditional' && node?.comesBack === true);
  if (!isFrozen || node?.presence !== 'leaving' || desired === 'stopped' || move !== null) return null;
  return { to: owner, reason: 'it ran there until the node was stopped', displaces: displaced, waits: true };
}

function recordFailure(state: ClusterState, group: GroupState, command: Of<'resource-failed'>): Outcome {
  const { node, resource, gaveUp, atMs } = command;
  const id = (group.failures.at(-1)?.id ?? 0) + 1;
  const failure: FailureRecord = { id, node, resource, atMs, gaveUp };
  const failures = [...group.failures, failure].slice(-FAILURES_MAX);
  return accepted(
    withEvent(withGroup(state, { ...group, failures }), command, {
      level: gaveUp ? 'error' : 'warning',
      code: 'resource.failed',
      group: command.group,
      node,
      message: `${resource} of group ${command.group} failed on ${node}: ${command.reason}`,
    }),
  );
}
