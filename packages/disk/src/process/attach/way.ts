/** One way to make a block device of an export. */
import type { ProcessExit, World } from '@eterne/runtime';

export type AttachWorld = Pick<World, 'network' | 'timers' | 'clock' | 'log' | 'processes' | 'files'>;

const TOOL_TIMEOUT_MS = 5000;
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Running {
  /** At once, whoever uses the device. `ended` is not called any more. */
  end(): void;
}

export interface AttachWay {
  /** Takes away what an earlier term or life left; `failure` says what is still there. */
  clear(done: (failure: string | undefined) => void): void;
  /** `attached`: the device's path. `ended`: it is over without having been asked to, also when it could not begin. */
  begin(attached: (path: string) => void, ended: (reason: string) => void): Running;
}

/** `done` gets what it printed, or undefined when it failed. */
export function runTool(
  world: Pick<World, 'processes'>,
  command: readonly [string, ...string[]],
  done: (output: string | undefined) => void,
): void {
  world.processes.spawn(
    { command, env: { PATH }, captureBytes: 64 * 1024, timeoutMs: TOOL_TIMEOUT_MS },
    ({ code, stdout }) => done(code === 0 ? stdout : undefined),
  );
}

export const lastWords = ({ startError, stderr }: ProcessExit, tool: string): string =>
  startError?.message ?? (stderr.trim() || `${tool} has ended`);
