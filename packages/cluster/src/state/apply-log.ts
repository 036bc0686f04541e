/** The log's way from one engine into another (`LogPlace`). */
import { unreachable } from '@eterne/base';
import type { LogCommand, Stamp } from './commands.ts';
import type { ClusterState, LogPlace } from './model.ts';
import type { Outcome } from './outcome.ts';
import { accepted, refuse, withEvent } from './outcome.ts';

export function applyLog(state: ClusterState, command: Stamp & LogCommand): Outcome {
  switch (command.kind) {
    case 'log-move':
      return applyMove(state, command);
    case 'log-ready':
      return applyReady(state, command);
    case 'log-stay':
      return applyStay(state, command);
    case 'log-seal':
      return applySeal(state, command);
    case 'log-begin':
      return applyBegin(state, command);
    case 'log-follow':
      return applyFollow(state, command);
    case 'log-settled':
      return applySettled(state, command);
    default:
      return unreachable(command);
  }
}

/** This epoch's log ends here. */
export function isSealed({ log }: ClusterState): boolean {
  return log.phase === 'sealed';
}

/** Members that have not followed into this epoch yet. */
export function missingFollowers({ log, members }: ClusterState): readonly string[] {
  if (log.epoch === 0) return [];
  return Object.keys(members).filter((name) => !log.followed.includes(name));
}

type Of<Kind extends LogCommand['kind']> = Stamp & Extract<LogCommand, { kind: Kind }>;

function applyMove(state: ClusterState, command: Of<'log-move'>): Outcome {
  const { log, config } = state;
  const to = command.to === 'embedded' ? { engine: 'embedded' as const } : config.consensus;
  if (log.phase !== 'steady')
    return refuse(state, 'busy', `the log is ${log.phase}: its last move is not over`);
  if (state.settling !== null)
    return refuse(state, 'busy', `the change to profile ${config.profile} is not over yet`);
  if (log.consensus.engine === command.to)
    return refuse(state, 'refused', `the log is kept by ${command.to} already`);
  if (to.engine !== command.to)
    return refuse(state, 'config', 'the configuration names no etcd: cluster.consensus');
  const missing = missingFollowers(state);
  if (missing.length > 0)
    return refuse(state, 'refused', `${missing.join(', ')} has not followed the last move of the log yet`);
  const message = `the log begins to move from ${log.consensus.engine} to ${to.engine}`;
  return changed(state, command, { ...log, phase: 'moving', to, ready: [] }, message);
}

function applyReady(state: ClusterState, command: Of<'log-ready'>): Outcome {
  const { log, members } = state;
  if (log.phase !== 'moving' || command.epoch !== log.epoch || members[command.node] === undefined)
    return refuse(state, 'conflict', 'the log is not about to move');
  if (log.ready.includes(command.node)) return accepted(state);
  return accepted({ ...state, log: { ...log, ready: [...log.ready, command.node].sort() } });
}

function applyStay(state: ClusterState, command: Of<'log-stay'>): Outcome {
  const { log, leaderTerm } = state;
  if (command.leaderTerm !== leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  if (log.phase !== 'moving' || command.epoch !== log.epoch)
    return refuse(state, 'conflict', 'the log is not about to move');
  const message = `the log stays with ${log.consensus.engine}: ${command.reason}`;
  const level = 'warning' as const;
  const next: LogPlace = { ...log, phase: 'settling', to: null, ready: [] };
  return accepted(withEvent({ ...state, log: next }, command, { level, code: 'cluster.log', message }));
}

function applySeal(state: ClusterState, command: Of<'log-seal'>): Outcome {
  const { log, leaderTerm } = state;
  if (command.leaderTerm !== leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  if (log.phase !== 'moving' || command.epoch !== log.epoch)
    return refuse(state, 'conflict', 'the log is not about to move');
  return changed(state, command, { ...log, phase: 'sealed' }, `the log of epoch ${log.epoch} is sealed`);
}

function applyBegin(state: ClusterState, command: Of<'log-begin'>): Outcome {
  const { log, config } = state;
  if (log.phase !== 'sealed' || log.to === null || command.epoch !== log.epoch + 1)
    return refuse(state, 'conflict', 'this epoch has begun already');
  const next: LogPlace = {
    epoch: command.epoch,
    consensus: log.to,
    phase: 'settling',
    to: null,
    ready: [],
    followed: [],
  };
  const message = `the log of epoch ${command.epoch} has begun, kept by ${log.to.engine}`;
  return changed({ ...state, config: { ...config, consensus: log.to } }, command, next, message);
}

function applyFollow(state: ClusterState, command: Of<'log-follow'>): Outcome {
  const { log, members } = state;
  if (command.epoch !== log.epoch || members[command.node] === undefined)
    return refuse(state, 'conflict', `${command.node} is elsewhere`);
  if (log.followed.includes(command.node)) return accepted(state);
  return accepted({ ...state, log: { ...log, followed: [...log.followed, command.node].sort() } });
}

function applySettled(state: ClusterState, command: Of<'log-settled'>): Outcome {
  const { log, leaderTerm } = state;
  if (command.leaderTerm !== leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  if (log.phase !== 'settling' || command.epoch !== log.epoch)
    return refuse(state, 'conflict', 'the log has settled already');
  return accepted({ ...state, log: { ...log, phase: 'steady' } });
}

function changed(state: ClusterState, stamp: Stamp, log: LogPlace, message: string): Outcome {
  return accepted(withEvent({ ...state, log }, stamp, { level: 'info', code: 'cluster.log', message }));
}
