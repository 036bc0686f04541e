/**
 * One test file in network and mount namespaces of its own: servers of two files never meet on a port, a loop-back address or a named
 * namespace, so the files can run side by side.
 */
import { nodeProcesses } from '@eterne/runtime/node/processes.ts';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { MIB } from '@eterne/base';
import { countFailure, emptyTally, readLastLines, type Tally } from './tally.ts';

const NAMESPACES = ['unshare', '-nm', '--propagation', 'private'] as const;
const SET_UP = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up && exec "$@"';
/** Runs when no other process wants the processor, and gives it up at once (`SCHED_IDLE`). */
const WHEN_IDLE = ['chrt', '--idle', '0'] as const;
const OUTPUT_BYTES = 4 * MIB;

export interface Isolation {
  /** Only on processors that nobody else wants. */
  readonly idle: boolean;
  readonly timeoutMs: number;
}

function spawned(
  command: readonly [string, ...string[]],
  timeoutMs: number,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    nodeProcesses.spawn({ command, timeoutMs, captureBytes: OUTPUT_BYTES }, ({ code, stdout, stderr }) =>
      resolve({ code, output: stdout + stderr }),
    );
  });
}

/** Needs root, util-linux and iproute2. */
export async function canIsolate(): Promise<boolean> {
  const { code } = await spawned([...WHEN_IDLE, ...NAMESPACES, 'sh', '-c', SET_UP, 'sh', 'true'], 10_000);
  return code === 0;
}

/** The test command on this one file; `output` is what it prints but its last lines, which are in the tally. */
export async function runIsolated(
  file: string,
  { idle, timeoutMs }: Isolation,
): Promise<{ readonly output: string; readonly tally: Tally }> {
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'test', file];
  const isolated = [...NAMESPACES, 'sh', '-c', SET_UP, 'sh', ...program] as const;
  const { code, output } = await spawned(idle ? [...WHEN_IDLE, ...isolated] : isolated, timeoutMs);
  const ended = readLastLines(output);
  if (ended !== undefined) return { output: ended.rest, tally: ended.tally };
  const tally = emptyTally();
  countFailure(tally, file.replace(`${repositoryRoot}/`, ''), `exit code ${code}`);
  return { output: `${output}FAIL  ${file}: exit code ${code}\n`, tally };
}
