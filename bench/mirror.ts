/**
 * The mirror against QEMU's quorum driver, side by side: same machine, same files, same fio, alternating within each round, medians over
 * the rounds, reported as ratios. `npm run bench -- mirror [--rounds N] [--seconds N] [--only NAME]`.
 *
 * All files together stay below what the kernel lets be dirty before it throttles writers, so that the disk decides nothing; the processor time that each
 * side's processes took for an operation is shown beside the rate, because it says more on a machine that others use too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIB } from '@eterne/base';
import { startMirror } from './lib/eterne.ts';
import { median, runFio, type Result, type Workload } from './lib/fio.ts';
import { Servers, isInstalled } from './lib/processes.ts';
import { startQuorum } from './lib/quorum.ts';

interface Row extends Workload {
  readonly required: number;
  readonly unit: 'iops' | 'bytes';
}

const ROWS: readonly Row[] = [
  { name: 'write-4k-d1', rw: 'randwrite', blockSize: '4k', depth: 1, required: 1.2, unit: 'iops' },
  { name: 'write-4k-d32', rw: 'randwrite', blockSize: '4k', depth: 32, required: 1.6, unit: 'iops' },
  { name: 'read-4k-d1', rw: 'randread', blockSize: '4k', depth: 1, required: 1.5, unit: 'iops' },
  { name: 'read-4k-d32', rw: 'randread', blockSize: '4k', depth: 32, required: 2.5, unit: 'iops' },
  { name: 'write-1m', rw: 'write', blockSize: '1m', depth: 8, required: 1.4, unit: 'bytes' },
  { name: 'read-1m', rw: 'read', blockSize: '1m', depth: 8, required: 1.4, unit: 'bytes' },
  {
    name: 'mix-4k-d16',
    rw: 'randrw',
    blockSize: '4k',
    depth: 16,
    readPercent: 70,
    required: 1.6,
    unit: 'iops',
  },
];

const SIZE_BYTES = 256 * MIB;

interface Contender {
  readonly name: string;
  readonly uri: string;
  readonly servers: Servers;
}

interface Figures {
  /** Operations or megabytes per second. */
  readonly rate: number;
  readonly cpuMicroseconds: number;
}

const rateOf = (row: Row, result: Result): number =>
  row.unit === 'iops' ? result.iops : result.bytesPerSecond / 1e6;

const show = (row: Row, { cpuMicroseconds, rate }: Figures): string =>
  `${Math.round(rate)} ${row.unit === 'iops' ? 'IOPS' : 'MB/s'}, ${cpuMicroseconds.toFixed(0)} µs`.padStart(
    20,
  );

/** Fills the volume once, so that no measurement meets unallocated blocks. */
function fill(contender: Contender): void {
  runFio(contender.uri, { name: 'fill', rw: 'write', blockSize: '1m', depth: 4 }, 'once', SIZE_BYTES);
}

function measureOnce(row: Row, { servers, uri }: Contender, seconds: number): Figures {
  const before = servers.usage().cpuSeconds;
  const result = runFio(uri, row, seconds, SIZE_BYTES);
  const cpuSeconds = servers.usage().cpuSeconds - before;
  return { rate: rateOf(row, result), cpuMicroseconds: (cpuSeconds / result.operations) * 1e6 };
}

function measure(
  row: Row,
  contenders: readonly Contender[],
  rounds: number,
  seconds: number,
): readonly Figures[] {
  const figures = contenders.map((): Figures[] => []);
  for (let round = 0; round < rounds; round += 1)
    contenders.forEach((contender, index) => figures[index]?.push(measureOnce(row, contender, seconds)));
  return figures.map((each) => ({
    rate: median(each.map(({ rate }) => rate)),
    cpuMicroseconds: median(each.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  }));
}

async function startAll(folder: string): Promise<readonly Contender[]> {
  const [mirror, quorum, alone] = [new Servers(), new Servers(), new Servers()];
  return [
    {
      name: 'eterne',
      servers: mirror,
      uri: (await startMirror(mirror, folder, SIZE_BYTES, { peers: true })).uri,
    },
    { name: 'quorum', servers: quorum, uri: await startQuorum(quorum, folder, SIZE_BYTES) },
    {
      name: 'alone',
      servers: alone,
      uri: (await startMirror(alone, folder, SIZE_BYTES, { peers: false })).uri,
    },
  ];
}

export async function benchMirror(options: {
  rounds: number;
  seconds: number;
  only: string | undefined;
}): Promise<void> {
  for (const program of ['fio', 'qemu-storage-daemon', 'qemu-nbd']) {
    if (!isInstalled(program)) throw new Error(`${program} is not installed`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'eterne-bench-'));
  let contenders: readonly Contender[] = [];
  try {
    contenders = await startAll(folder);
    contenders.forEach(fill);
    for (const row of ROWS.filter(({ name }) => options.only === undefined || name.includes(options.only))) {
      const [eterne, quorum, alone] = measure(row, contenders, options.rounds, options.seconds);
      if (eterne === undefined || quorum === undefined || alone === undefined) continue;
      const ratio = (eterne.rate / quorum.rate).toFixed(2);
      process.stdout.write(
        `${row.name.padEnd(13)} eterne ${show(row, eterne)}   quorum ${show(row, quorum)}   ` +
          `ratio ${ratio} (required ${row.required}), by processor time ${(quorum.cpuMicroseconds / eterne.cpuMicroseconds).toFixed(2)}   ` +
          `without a peer ${show(row, alone)}\n`,
      );
    }
  } finally {
    await Promise.all(contenders.map(({ servers }) => servers.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}
