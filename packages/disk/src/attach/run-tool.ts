import { SYSTEM_PATH, type World } from '@eterne/runtime';

const TOOL_TIMEOUT_MS = 5000;

/** `done` gets what it printed, or undefined when it failed. */
export function runTool(
  { processes }: Pick<World, 'processes'>,
  command: readonly [string, ...string[]],
  done: (output: string | undefined) => void,
): void {
  processes.spawn(
    { command, env: { PATH: SYSTEM_PATH }, captureBytes: 64 * 1024, timeoutMs: TOOL_TIMEOUT_MS },
    ({ code, stdout }) => done(code === 0 ? stdout : undefined),
  );
}
