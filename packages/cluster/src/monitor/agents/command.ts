/** Runs a system tool for an agent and turns its failure into a sentence. */
import { EterneError } from '@eterne/base';
import type { ProcessExit } from '@eterne/runtime';
import { identityPrefix, type RunAs } from '../../node/identity-prefix.ts';
import type { Hands } from './agent.ts';

const SAID_BYTES_MAX = 1024;

export type Command = readonly [string, ...string[]];

export interface CommandResult {
  /** Null when it was killed, timed out or could not be started. */
  readonly code: number | null;
  readonly stdout: string;
  /** Empty when it exited 0; else a sentence for the operator. */
  readonly failure: string;
}

export function runCommand(
  hands: Pick<Hands, 'world'>,
  command: Command,
  timeoutMs: number,
  done: (result: CommandResult) => void,
): void {
  hands.world.processes.spawn({ command, timeoutMs: Math.max(1, timeoutMs) }, (exit) =>
    done(resultOf(command, timeoutMs, exit)),
  );
}

export interface RunOrder {
  readonly command: Command;
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly timeoutMs: number;
}

/** Runs a program of the user's, as whom it was given. */
export function runAs(hands: Hands, as: RunAs, order: RunOrder, done: (result: CommandResult) => void): void {
  const { command, timeoutMs } = order;
  identityPrefix(hands.world, as, [], (prefix) => {
    if (prefix instanceof EterneError) return done({ code: null, stdout: '', failure: prefix.message });
    const [program = command[0], ...words] = [...prefix, ...command];
    hands.world.processes.spawn(
      {
        ...order,
        command: [program, ...words],
        timeoutMs: Math.max(1, timeoutMs),
        captureBytes: SAID_BYTES_MAX,
      },
      (exit) => done(resultOf(command, timeoutMs, exit)),
    );
  });
}

function resultOf(command: Command, timeoutMs: number, exit: ProcessExit): CommandResult {
  const { code, stdout, stderr, timedOut, startError } = exit;
  if (code === 0) return { code, stdout, failure: '' };
  const how =
    startError?.message ?? (timedOut ? `took longer than ${timeoutMs} ms` : (stderr || stdout).trim());
  const said = how === '' ? `ended with ${exit.signal ?? code}` : how.replaceAll('\n', '; ');
  return { code, stdout, failure: `${command[0]}: ${said}` };
}
