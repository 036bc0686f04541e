/**
 * One test file in network and mount namespaces of its own: servers of two files never meet on a port, a loop-back address or a named
 * namespace, so the files can run side by side.
 */
import { nodeProcesses } from '@eterne/runtime/node/processes.ts';
import { MIB } from '@eterne/base';

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

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
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

/** The test command on this one file; `output` is what it prints but its last line, which is in the tally. */
export async function runIsolated(
  file: string,
  { idle, timeoutMs }: Isolation,
): Promise<{ readonly output: string; readonly tally: Tally }> {
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'test', file];
  const isolated = [...NAMESPACES, 'sh', '-c', SET_UP, 'sh', ...program] as const;
  const { code, output } = await spawned(idle ? [...WHEN_IDLE, ...isolated] : isolated, timeoutMs);
  const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped\n/m.exec(output);
  if (counts === null)
    return {
      output: `${output}FAIL  ${file}: exit code ${code}\n`,
      tally: { passed: 0, failed: 1, skipped: 0 },
    };
  const [passed, failed, skipped] = counts.slice(1).map(Number) as [number, number, number];
  return { output: output.replace(counts[0], ''), tally: { passed, failed, skipped } };
}
