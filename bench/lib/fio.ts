import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

export interface Workload {
  readonly name: string;
  readonly rw: 'randwrite' | 'randread' | 'randrw' | 'write' | 'read';
  readonly blockSize: string;
  readonly depth: number;
  readonly readPercent?: number;
}

export interface Result {
  readonly iops: number;
  readonly bytesPerSecond: number;
  readonly operations: number;
}

interface FioSide {
  readonly iops: number;
  readonly bw_bytes: number;
  readonly total_ios: number;
}

/** Runs one workload through fio's nbd engine, for so many seconds or once over the whole size. Reads and writes are added up. */
export function runFio(uri: string, workload: Workload, seconds: number | 'once', sizeBytes: number): Result {
  const args = argsOf(uri, workload, seconds, sizeBytes);
  return parse(execFileSync('fio', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}

/** The same, while the caller goes on. */
export async function runFioBeside(
  uri: string,
  workload: Workload,
  seconds: number,
  sizeBytes: number,
): Promise<Result> {
  const { stdout } = await promisify(execFile)('fio', argsOf(uri, workload, seconds, sizeBytes));
  return parse(stdout);
}

function argsOf(uri: string, workload: Workload, seconds: number | 'once', sizeBytes: number): string[] {
  const duration = seconds === 'once' ? [] : ['--time_based', `--runtime=${seconds}`, '--norandommap'];
  return [
    `--name=${workload.name}`,
    '--ioengine=nbd',
    `--uri=${uri}`,
    `--rw=${workload.rw}`,
    `--bs=${workload.blockSize}`,
    `--iodepth=${workload.depth}`,
    `--size=${sizeBytes}`,
    '--randrepeat=0',
    ...duration,
    '--output-format=json',
    ...(workload.readPercent === undefined ? [] : [`--rwmixread=${workload.readPercent}`]),
  ];
}

function parse(output: string): Result {
  const report = JSON.parse(output.slice(output.indexOf('{'))) as {
    jobs: { read: FioSide; write: FioSide }[];
  };
  const job = report.jobs[0];
  if (!job) throw new Error('fio reported no job');
  return {
    iops: job.read.iops + job.write.iops,
    bytesPerSecond: job.read.bw_bytes + job.write.bw_bytes,
    operations: job.read.total_ios + job.write.total_ios,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
