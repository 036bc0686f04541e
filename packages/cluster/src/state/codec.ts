/**
 * How entries and snapshots are written: JSON in UTF-8, `{"v":1,"command":…}` and `{"v":1,"state":…}`; an entry that needs more than the
 * first feature level begins `{"v":1,"level":2,…`. Both come from this node's own checksummed log or from authenticated members, so what does not
 * read is of a broken or newer program; the log stops rather than let members disagree.
 */
import { assert, EterneError, unreachable } from '@eterne/base';
import type { Command, ConfigChange } from './commands.ts';
import { COMMAND_VERSION } from './commands.ts';
import { FIRST_LEVEL, LEVELS, tooOld, type Levels } from './levels.ts';
import type { ClusterState } from './model.ts';
import { STATE_VERSION } from './model.ts';
import { stateSchema } from './schema.ts';
import { PLAIN_VOLUME } from './volume-defaults.ts';
import { USUAL_WATCH } from './watch.ts';

const KINDS: Readonly<Record<Exclude<Command['kind'], 'premature'>, true>> = {
  lead: true,
  'cluster-maintenance': true,
  'level-raise': true,
  'profile-settled': true,
  bootstrap: true,
  'member-add': true,
  'member-remove': true,
  'node-mode': true,
  'node-report': true,
  'node-watchdog': true,
  'node-troubles': true,
  'node-leaving': true,
  'node-presence': true,
  configure: true,
  'volume-promote': true,
  'volume-set': true,
  'volume-accept-loss': true,
  'volume-give-up': true,
  'volume-order': true,
  'volume-grown': true,
  'volume-report': true,
  'group-maintenance': true,
  'group-desire': true,
  'group-move': true,
  'group-assign': true,
  'group-expired': true,
  'group-unplaceable': true,
  'failures-forget': true,
  'group-phase': true,
  'group-released': true,
  'group-strays': true,
  'resource-failed': true,
  'fence-request': true,
  'fence-assign': true,
  'fence-abandon': true,
  'fence-cancel': true,
  'fence-done': true,
  'node-stopped': true,
  'drill-begin': true,
  'drill-report': true,
  'drill-end': true,
  'token-add': true,
  'token-use': true,
  'account-put': true,
  'account-remove': true,
  'log-move': true,
  'log-ready': true,
  'log-stay': true,
  'log-seal': true,
  'log-begin': true,
  'log-follow': true,
  'log-settled': true,
  alone: true,
  parted: true,
  whole: true,
};

/** `level`: the cluster's, as its proposer knows it. It only rises, so that every member can read what is written. */
export function encodeCommand(command: Command, level: number, levels = LEVELS): Buffer {
  const needed = levels.levelOf(command);
  assert(needed <= level, 'nothing is proposed below its feature level');
  const head = { v: COMMAND_VERSION, ...(needed > FIRST_LEVEL ? { level: needed } : {}) };
  return Buffer.from(JSON.stringify({ ...head, command: levels.entryAsOf(command, level) }));
}

/** `level`: the cluster's, by the state that the entry meets. Every member refuses what is above it, whether it could read it or not. */
export function decodeCommand(bytes: Buffer, level: number, levels = LEVELS): Command {
  const { version, needed, body } = open(bytes, 'command');
  if (version !== COMMAND_VERSION) throw tooOld(`version ${String(version)} of an entry`);
  if (needed > level) return { kind: 'premature', level: needed, atMs: 0 };
  const kind: unknown = typeof body === 'object' && body !== null && 'kind' in body ? body.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind))
    throw tooOld(`an entry of unknown kind ${JSON.stringify(kind)}`);
  return completed(levels.completed(body, kind) as Command);
}

/** Entries of before a volume had settings, a group demands, and anything was watched. */
function completed(command: Command): Command {
  return command.kind === 'configure'
    ? { ...command, changes: command.changes.map(completedChange) }
    : command;
}

function completedChange(change: ConfigChange): ConfigChange {
  switch (change.kind) {
    case 'cluster':
      return { ...change, config: { ...change.config, watch: change.config.watch ?? USUAL_WATCH } };
    case 'volume-put':
      return { ...change, spec: { ...PLAIN_VOLUME, ...change.spec } };
    case 'group-put': {
      const { demand, watch } = change.spec;
      return { ...change, spec: { ...change.spec, demand: demand ?? {}, watch: watch ?? {} } };
    }
    case 'node-put':
    case 'volume-delete':
    case 'group-delete':
      return change;
    default:
      return unreachable(change);
  }
}

export function encodeState(state: ClusterState, levels = LEVELS): Buffer {
  return Buffer.from(JSON.stringify({ v: STATE_VERSION, state: levels.stateAsOf(state, state.level) }));
}

export function decodeState(bytes: Buffer, levels = LEVELS): ClusterState {
  const { version, body } = open(bytes, 'state');
  if (version !== STATE_VERSION) throw tooOld(`version ${String(version)} of a snapshot`);
  const level = levelIn(body);
  if (level > levels.program) throw tooOld(levelSentence(level, levels));
  const parsed = stateSchema.safeParse(levels.completed(body, 'state'));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EterneError('corrupt', `the snapshot is wrong at ${issue?.path.join('.')}: ${issue?.message}`);
}

export function levelSentence(level: number, { program }: Levels): string {
  return `that uses feature level ${level}, this knows ${program}`;
}

function levelIn(value: unknown): number {
  const level = typeof value === 'object' && value !== null && 'level' in value ? value.level : FIRST_LEVEL;
  return typeof level === 'number' ? level : Number.NaN;
}

interface Opened {
  readonly version: unknown;
  /** The feature level that it needs. */
  readonly needed: number;
  readonly body: unknown;
}

function open(bytes: Buffer, name: 'command' | 'state'): Opened {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new EterneError('corrupt', `the log holds a ${name} that is not JSON`);
  }
  if (typeof value !== 'object' || value === null || !('v' in value) || !(name in value))
    throw new EterneError('corrupt', `the log holds something that is not a ${name}`);
  const body = Object.entries(value).find(([key]) => key === name)?.[1];
  return { version: value.v, needed: levelIn(value), body };
}
