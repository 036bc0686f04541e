/** The replicated state machine: pure, total and the same on every node. */
import { unreachable } from '@eterne/base';
import type { Command } from './commands.ts';
import type { ClusterState } from './model.ts';
import { STATE_VERSION } from './model.ts';
import { applyAccess } from './apply-access.ts';
import { applyConfigure } from './apply-configure.ts';
import { applyFence } from './apply-fence.ts';
import { applyGroup } from './apply-group.ts';
import { applyHalf } from './apply-half.ts';
import { applyLog, isSealed } from './apply-log.ts';
import { applyMember } from './apply-member.ts';
import { applyVolume } from './apply-volume.ts';
import { commonLevel, FIRST_LEVEL } from './levels.ts';
import { FIRST_LOG } from './log-defaults.ts';
import type { Outcome } from './outcome.ts';
import { accepted, refuse, withEvent } from './outcome.ts';
import { USUAL_WATCH } from './watch.ts';

export function emptyState(): ClusterState {
  return {
    version: STATE_VERSION,
    cluster: '',
    clusterId: '',
    grantor: null,
    alone: null,
    level: FIRST_LEVEL,
    leaderTerm: 0,
    config: {
      edition: 'cluster',
      profile: 'lan',
      timezone: 'UTC',
      tieBreaker: { kind: 'none' },
      prefer: 'consistency',
      ping: [],
      onShutdown: 'move',
      fencing: [],
      watchdog: null,
      consensus: FIRST_LOG.consensus,
      watch: USUAL_WATCH,
      heartbeatDisks: [],
    },
    log: FIRST_LOG,
    settling: null,
    maintenance: false,
    revision: 0,
    epoch: 0,
    members: {},
    heartSlots: {},
    volumes: {},
    groups: {},
    fences: {},
    tokens: {},
    accounts: {},
    events: [],
    eventId: 0,
  };
}

export function apply(state: ClusterState, command: Command): Outcome {
  if (isSealed(state) && command.kind !== 'log-begin')
    return refuse(state, 'refused', `the log of epoch ${state.log.epoch} is sealed`);
  switch (command.kind) {
    case 'lead':
      return applyLead(state, command);
    case 'cluster-maintenance':
      return applyMaintenance(state, command);
    case 'level-raise':
      return applyRaise(state, command);
    case 'premature': {
      const { level } = command;
      return refuse(state, 'needs-upgrade', `that needs feature level ${level}, not ${state.level}`);
    }
    case 'profile-settled':
      return applySettled(state, command);
    case 'bootstrap':
    case 'member-add':
    case 'member-remove':
    case 'node-mode':
    case 'node-report':
    case 'node-watchdog':
    case 'node-troubles':
    case 'node-leaving':
    case 'node-presence':
      return applyMember(state, command);
    case 'configure':
      return applyConfigure(state, command);
    case 'volume-promote':
    case 'volume-set':
    case 'volume-accept-loss':
    case 'volume-give-up':
    case 'volume-order':
    case 'volume-grown':
    case 'volume-report':
      return applyVolume(state, command);
    case 'group-maintenance':
    case 'group-desire':
    case 'group-move':
    case 'group-assign':
    case 'group-expired':
    case 'group-unplaceable':
    case 'failures-forget':
    case 'group-phase':
    case 'group-released':
    case 'group-strays':
    case 'resource-failed':
    case 'drill-begin':
    case 'drill-report':
    case 'drill-end':
      return applyGroup(state, command);
    case 'fence-request':
    case 'fence-assign':
    case 'fence-abandon':
    case 'fence-cancel':
    case 'fence-done':
    case 'node-stopped':
      return applyFence(state, command);
    case 'token-add':
    case 'token-use':
    case 'account-put':
    case 'account-remove':
      return applyAccess(state, command);
    case 'log-move':
    case 'log-ready':
    case 'log-stay':
    case 'log-seal':
    case 'log-begin':
    case 'log-follow':
    case 'log-settled':
      return applyLog(state, command);
    case 'alone':
    case 'parted':
    case 'whole':
      return applyHalf(state, command);
    default:
      return unreachable(command);
  }
}

function applyLead(state: ClusterState, command: Extract<Command, { kind: 'lead' }>): Outcome {
  if (command.leaderTerm <= state.leaderTerm)
    return refuse(state, 'conflict', `leadership ${command.leaderTerm} is over`);
  const next = { ...state, leaderTerm: command.leaderTerm };
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: 'cluster.leader',
      node: command.node,
      message: `${command.node} leads the cluster`,
    }),
  );
}

function applyRaise(state: ClusterState, command: Extract<Command, { kind: 'level-raise' }>): Outcome {
  const { level, leaderTerm } = command;
  if (leaderTerm !== state.leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  if (level <= state.level) return refuse(state, 'conflict', `the feature level is ${state.level} already`);
  if (level > commonLevel(state)) return refuse(state, 'needs-upgrade', 'some member runs an older program');
  return accepted(
    withEvent({ ...state, level }, command, {
      level: 'info',
      code: 'cluster.level',
      message: `every program knows feature level ${level}: the cluster uses it from now on`,
    }),
  );
}

/** Of the leader, when nobody can hold a lease of the profile before any more. */
function applySettled(state: ClusterState, command: Extract<Command, { kind: 'profile-settled' }>): Outcome {
  if (command.leaderTerm !== state.leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  if (state.settling?.revision !== command.revision)
    return refuse(state, 'conflict', 'the profile has settled already');
  const message = `nothing goes by profile ${state.settling.from} any more`;
  return accepted(
    withEvent({ ...state, settling: null }, command, { level: 'info', code: 'cluster.profile', message }),
  );
}

function applyMaintenance(
  state: ClusterState,
  command: Extract<Command, { kind: 'cluster-maintenance' }>,
): Outcome {
  if (state.maintenance === command.on) return accepted(state);
  return accepted(
    withEvent({ ...state, maintenance: command.on }, command, {
      level: 'info',
      code: command.on ? 'cluster.maintenance' : 'cluster.active',
      message: command.on
        ? 'the whole cluster is in maintenance: nothing is done about any group'
        : 'the maintenance of the whole cluster is over',
    }),
  );
}
