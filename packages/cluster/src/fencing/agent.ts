/**
 * One action of one fence agent (ClusterLabs Fence Agent API): parameters as `name=value` lines on standard input, so that no process list
 * shows them; the answer is the exit code. `status`: 0 on, 2 off. Everything else: 0 done. A timeout is a failure.
 */
import { EterneError } from '@eterne/base';
import { SYSTEM_PATH, type World } from '@eterne/runtime';
import type { FenceDevice } from '../state/model.ts';
import { parseFenceMetadata, type FenceAbilities } from './metadata.ts';
import { redact } from './secrets.ts';

export type FenceVerb = 'off' | 'on' | 'reboot' | 'status' | 'monitor' | 'list';

export interface FenceOutcome {
  /** For `status`: the power. */
  readonly result: 'done' | 'off' | 'failed';
  /** A sentence for the operator; empty when there is nothing to say. */
  readonly reason: string;
}

export type FenceWorld = Pick<World, 'processes'>;

const FOLDER = '/usr/sbin';
const METADATA_BYTES_MAX = 256 * 1024;
const SAID_BYTES_MAX = 4096;
const SENTENCE_MAX = 300;
const STATUS_OFF = 2;
/** Of the program that starts it, as of a shell. */
const NOT_THERE = 127;

/** What the common library of the agents ends with. */
const MEANINGS: Readonly<Record<number, string>> = {
  1: 'it failed',
  2: 'its arguments are wrong',
  3: 'the device refused the log-in',
  4: 'the connection to the device broke',
  5: 'the device did not answer in time',
  6: 'the power did not come on',
  7: 'the power did not go off',
  8: 'the device does not tell the state of this plug',
  9: 'the device does not tell the state of this plug',
  10: 'the log-in needs a password',
  11: 'the log-in has not the right to do this',
  12: 'the device knows no such machine',
};

export function runFenceAgent(
  { processes }: FenceWorld,
  device: FenceDevice,
  verb: FenceVerb,
  done: (outcome: FenceOutcome) => void,
): void {
  const { agent, timeoutMs } = device;
  const options = { captureBytes: SAID_BYTES_MAX, timeoutMs, stdin: stdinOf(device, verb) };
  processes.spawn({ ...commandOf(agent), ...options }, (exit) => {
    const { code, timedOut, startError, stderr, stdout, signal } = exit;
    if (startError)
      return done({ result: 'failed', reason: `${agent} cannot be run: ${startError.message}` });
    if (timedOut) return done({ result: 'failed', reason: `${verb} took longer than ${timeoutMs} ms` });
    if (code === 0) return done({ result: 'done', reason: '' });
    if (verb === 'status' && code === STATUS_OFF) return done({ result: 'off', reason: '' });
    const said = redact(lastLine(stderr.trim() || stdout), device);
    const meaning = `${verb}: ${MEANINGS[code ?? -1] ?? `it ended with ${signal ?? code}`}`;
    done({ result: 'failed', reason: said === '' ? meaning : `${meaning} (${said.slice(0, SENTENCE_MAX)})` });
  });
}

export function readFenceMetadata(
  { processes }: FenceWorld,
  { agent, timeoutMs }: FenceDevice,
  done: (abilities: FenceAbilities | EterneError) => void,
): void {
  const options = { captureBytes: METADATA_BYTES_MAX, timeoutMs, stdin: 'action=metadata\n' };
  processes.spawn({ ...commandOf(agent), ...options }, ({ code, startError, stdout, stderr }) => {
    const said = startError?.message ?? lastLine(stderr);
    if (code === NOT_THERE)
      return done(new EterneError('unsupported', `${agent} is not installed here (Debian: fence-agents)`));
    if (code !== 0)
      return done(new EterneError('unsupported', `${agent} does not describe itself (${said})`));
    done(parseFenceMetadata(agent, stdout));
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** By its name among the system's, or by its path. */
function commandOf(agent: string): { command: readonly [string]; env: Record<string, string> } {
  const path = agent.startsWith('/') ? agent : `${FOLDER}/${agent}`;
  return { command: [path], env: { PATH: SYSTEM_PATH, LC_ALL: 'C' } };
}

function stdinOf({ node, params }: FenceDevice, verb: FenceVerb): string {
  const own = Object.entries(params).map(([name, value]) => `${name}=${value}`);
  return [`action=${verb}`, `nodename=${node}`, ...own, ''].join('\n');
}
