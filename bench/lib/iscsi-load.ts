/** Load on an iSCSI LUN from tools we did not write: `iscsi-perf` reads, `qemu-img bench` writes. Both report operations a second here. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BLOCK_BYTES = 512;
/**
 * iscsi-perf reads on for ever when none of its reads ends within the one second in which it looks whether its time is over. It is told to finish so long
 * after that (SIGTERM), and reports its average up to there.
 */
const OVERTIME_MS = 10_000;

/** Random reads of 4 KiB, or sequential ones of more, for so many seconds. */
export async function readRate(
  uri: string,
  sizeBytes: number,
  depth: number,
  seconds: number,
  initiator?: string,
): Promise<number> {
  const order = sizeBytes === 4096 ? ['--random'] : [];
  const options = [
    '-m',
    String(depth),
    '-b',
    String(sizeBytes / BLOCK_BYTES),
    '-t',
    String(seconds),
    ...order,
    ...(initiator === undefined ? [] : ['-i', initiator]),
    uri,
  ];
  const { stdout } = await run('iscsi-perf', options, {
    maxBuffer: 1 << 24,
    timeout: seconds * 1000 + OVERTIME_MS,
  });
  const averages = [...stdout.matchAll(/iops average (\d+)/g)];
  const last = averages.at(-1)?.[1];
  if (last === undefined) throw new Error(`iscsi-perf reported no average: ${stdout.slice(-300)}`);
  return Number(last);
}

/** `count` sequential writes over the LUN and over again. */
export async function writeRate(
  uri: string,
  sizeBytes: number,
  depth: number,
  count: number,
): Promise<number> {
  const options = [
    'bench',
    '-f',
    'raw',
    '-w',
    '-t',
    'none',
    '-s',
    String(sizeBytes),
    '-d',
    String(depth),
    '-c',
    String(count),
    uri,
  ];
  const { stdout } = await run('qemu-img', options);
  const seconds = /Run completed in ([\d.]+) seconds/.exec(stdout)?.[1];
  if (seconds === undefined) throw new Error(`qemu-img bench reported no time: ${stdout}`);
  return count / Number(seconds);
}
