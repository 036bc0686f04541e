/**
 * Making certain of a node. A confirmed fence ends the *life* of the node that was asked about (`startId`): its groups are free at once,
 * without waiting for leases. A life that began meanwhile is not touched: what it was given it was given anew.
 */
import { unreachable } from '@eterne/base';
import type { FenceCommand, Stamp } from './commands.ts';
import { freeGroupsOf } from './groups.ts';
import { LIVES_LEVEL } from './levels.ts';
import type { ClusterState, FenceState } from './model.ts';
import type { Outcome } from './outcome.ts';
import { accepted, noSuch, refuse, withEvent } from './outcome.ts';
import { without } from './records.ts';

type Of<Kind extends FenceCommand['kind']> = Stamp & Extract<FenceCommand, { kind: Kind }>;

export function applyFence(state: ClusterState, command: Stamp & FenceCommand): Outcome {
  if ('leaderTerm' in command && command.leaderTerm !== null && command.leaderTerm !== state.leaderTerm)
    return refuse(state, 'conflict', 'that leadership is over');
  switch (command.kind) {
    case 'fence-request':
      return request(state, command);
    case 'fence-assign':
      return assign(state, command);
    case 'fence-abandon':
      return abandon(state, command);
    case 'fence-cancel':
      return cancel(state, command);
    case 'fence-done':
      return finish(state, command);
    case 'node-stopped':
      return confirmStopped(state, command);
    default:
      return unreachable(command);
  }
}

function withFence(state: ClusterState, fence: FenceState): ClusterState {
  return { ...state, fences: { ...state.fences, [fence.node]: fence } };
}

function request(state: ClusterState, command: Of<'fence-request'>): Outcome {
  const { node, reason } = command;
  const member = state.members[node];
  if (!member) return { state, refused: noSuch('node', node, state.members) };
  if (!state.config.fencing.some((device) => device.node === node))
    return refuse(state, 'refused', `no fence device of ${node} is configured`);
  const ordered = command.leaderTerm === null;
  const present = state.fences[node];
  if (present?.startId === member.startId)
    return accepted(withFence(state, { ...present, ordered: present.ordered || ordered }));
  const fence = { node, startId: member.startId, reason, ordered, executor: null, attempt: 0, failure: '' };
  return accepted(
    withEvent(withFence(state, fence), command, {
      level: 'warning',
      code: 'fence.requested',
      node,
      message: `${node} is to be fenced: ${reason}`,
    }),
  );
}

function assign(state: ClusterState, command: Of<'fence-assign'>): Outcome {
  const { node, executor, attempt } = command;
  const fence = state.fences[node];
  if (fence?.executor !== null || attempt !== fence.attempt + 1)
    return refuse(state, 'conflict', `the fencing of ${node} moved on`);
  if (state.members[executor]?.role !== 'node' || executor === node)
    return refuse(state, 'refused', `${executor} cannot fence ${node}`);
  return accepted(
    withEvent(withFence(state, { ...fence, executor, attempt }), command, {
      level: 'info',
      code: 'fence.assigned',
      node,
      message: `${executor} fences ${node} (attempt ${attempt})`,
    }),
  );
}

function abandon(state: ClusterState, command: Of<'fence-abandon'>): Outcome {
  const fence = state.fences[command.node];
  if (fence?.executor == null || fence.attempt !== command.attempt)
    return refuse(state, 'conflict', `the fencing of ${command.node} moved on`);
  return accepted(
    withFence(state, { ...fence, executor: null, failure: `${fence.executor} was lost meanwhile` }),
  );
}

function cancel(state: ClusterState, command: Of<'fence-cancel'>): Outcome {
  const fence = state.fences[command.node];
  if (fence?.executor !== null || (fence.ordered && !mayGiveUp(state, fence)))
    return refuse(state, 'conflict', `the fencing of ${command.node} moved on`);
  return accepted(
    withEvent({ ...state, fences: without(state.fences, command.node) }, command, {
      level: fence.ordered ? 'warning' : 'info',
      code: 'fence.cancelled',
      node: command.node,
      message: fence.ordered
        ? `${command.node} could not be fenced, and is not fenced later: order it again`
        : `${command.node} need not be fenced any more`,
    }),
  );
}

/** An operator's order that has failed: he knows, and nobody wants to be shot by it hours later. */
function mayGiveUp({ level }: ClusterState, { attempt }: FenceState): boolean {
  return level >= LIVES_LEVEL && attempt > 0;
}

function finish(state: ClusterState, command: Of<'fence-done'>): Outcome {
  const { node, executor, attempt, confirmed, reason } = command;
  const fence = state.fences[node];
  if (fence?.executor !== executor || fence.attempt !== attempt)
    return refuse(state, 'conflict', `the fencing of ${node} moved on`);
  if (confirmed) return endLife(state, command, node, fence.startId, `fenced by ${executor}: ${reason}`);
  return accepted(
    withEvent(withFence(state, { ...fence, executor: null, failure: reason }), command, {
      level: 'error',
      code: 'fence.failed',
      node,
      message: `${executor} could not fence ${node}: ${reason}`,
    }),
  );
}

function confirmStopped(state: ClusterState, command: Of<'node-stopped'>): Outcome {
  const member = state.members[command.node];
  if (!member) return { state, refused: noSuch('node', command.node, state.members) };
  if (member.startId !== command.startId)
    return refuse(state, 'conflict', `${command.node} has been started again meanwhile`);
  return endLife(state, command, command.node, command.startId, command.how);
}

function endLife(state: ClusterState, stamp: Stamp, node: string, startId: string, how: string): Outcome {
  const settled: ClusterState = { ...state, fences: without(state.fences, node) };
  const said = withEvent(settled, stamp, {
    level: 'warning',
    code: 'node.stopped',
    node,
    message: `${node} is certain to be stopped: ${how}`,
  });
  if (state.members[node]?.startId !== startId) return accepted(said);
  return accepted(freeGroupsOf(said, stamp, node, 'is certain to be stopped'));
}
