/** Runs a system tool for an agent and turns its failure into a sentence. */
import type { Hands } from './agent.ts';

export type Command = readonly [string, ...string[]];

export interface CommandResult {
  /** Null when it was killed, timed out or could not be started. */
  readonly code: number | null;
  readonly stdout: string;
  /** Empty when it exited 0; else a sentence for the operator. */
  readonly failure: string;
}

export function runCommand(
  hands: Hands,
  command: Command,
  timeoutMs: number,
  done: (result: CommandResult) => void,
): void {
  hands.world.processes.spawn({ command, timeoutMs: Math.max(1, timeoutMs) }, (exit) => {
    const { code, stdout, stderr, timedOut, startError } = exit;
    if (code === 0) return done({ code, stdout, failure: '' });
    const how =
      startError?.message ?? (timedOut ? `took longer than ${timeoutMs} ms` : (stderr || stdout).trim());
    const said = how === '' ? `ended with ${exit.signal ?? code}` : how.replaceAll('\n', '; ');
    done({ code, stdout, failure: `${command[0]}: ${said}` });
  });
}
