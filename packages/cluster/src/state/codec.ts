/**
 * How entries and snapshots are written: JSON in UTF-8, `{"v":1,"command":…}` and `{"v":1,"state":…}`. Both come from this node's own
 * checksummed log or from authenticated members, so what does not read is a broken program or an unknown version; the log
 * stops rather than let members disagree.
 */
import { EterneError, unreachable } from '@eterne/base';
import type { Command, ConfigChange } from './commands.ts';
import { COMMAND_VERSION } from './commands.ts';
import type { ClusterState } from './model.ts';
import { STATE_VERSION } from './model.ts';
import { stateSchema } from './schema.ts';
import { PLAIN_VOLUME } from './volume-defaults.ts';
import { USUAL_WATCH } from './watch.ts';

const KINDS: Readonly<Record<Command['kind'], true>> = {
  lead: true,
  'cluster-maintenance': true,
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
};

export function encodeCommand(command: Command): Buffer {
  return Buffer.from(JSON.stringify({ v: COMMAND_VERSION, command }));
}

export function decodeCommand(bytes: Buffer): Command {
  const { version, body } = open(bytes, 'command');
  if (version !== COMMAND_VERSION) throw unknownVersion('entry', version);
  const kind: unknown = typeof body === 'object' && body !== null && 'kind' in body ? body.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind))
    throw new EterneError('unsupported', `the log holds an entry of unknown kind ${JSON.stringify(kind)}`);
  return completed(body as Command);
}

/** Entries of before a volume had settings, a group demands, anything was watched, and a shutdown had a policy. */
function completed(command: Command): Command {
  return command.kind === 'configure'
    ? { ...command, changes: command.changes.map(completedChange) }
    : command;
}

function completedChange(change: ConfigChange): ConfigChange {
  switch (change.kind) {
    case 'cluster': {
      const { watch, onShutdown } = change.config;
      const missing = { watch: watch ?? USUAL_WATCH, onShutdown: onShutdown ?? 'move' };
      return { ...change, config: { ...change.config, ...missing } };
    }
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

export function encodeState(state: ClusterState): Buffer {
  return Buffer.from(JSON.stringify({ v: STATE_VERSION, state }));
}

export function decodeState(bytes: Buffer): ClusterState {
  const { version, body } = open(bytes, 'state');
  if (version !== STATE_VERSION) throw unknownVersion('snapshot', version);
  const parsed = stateSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EterneError('corrupt', `the snapshot is wrong at ${issue?.path.join('.')}: ${issue?.message}`);
}

function open(bytes: Buffer, name: 'command' | 'state'): { version: unknown; body: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new EterneError('corrupt', `the log holds a ${name} that is not JSON`);
  }
  if (typeof value !== 'object' || value === null || !('v' in value) || !(name in value))
    throw new EterneError('corrupt', `the log holds something that is not a ${name}`);
  return { version: value.v, body: Object.entries(value).find(([key]) => key === name)?.[1] };
}

function unknownVersion(what: string, version: unknown): EterneError {
  return new EterneError(
    'unsupported',
    `this program does not know version ${String(version)} of a log ${what}`,
    {
      hint: 'upgrade this node',
    },
  );
}
