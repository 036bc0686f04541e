/**
 * The mirror against QEMU's quorum driver, side by side: same machine, same files, same fio, alternating within each round, medians over
 * the rounds of the rates, and of the ratios within each round. `npm run bench -- mirror [--rounds N] [--seconds N] [--only NAME]`.
 *
 * Beside them the same engine without a peer, and without a backing store (both nodes throw the data away, reads are zeroes): they bound what is left to gain.
 *
 * All files together stay below what the kernel lets be dirty before it throttles writers, so that the disk decides nothing; the processor time that each
 * side's processes took for an operation is shown beside the rate, because it says more on a machine that others use too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIB } from '@eterne/base';
import { startMirror, type MirrorOptions } from './lib/eterne.ts';
import { median, runFio, type Result, type Workload } from './lib/fio.ts';
import { Servers, isInstalled } from './lib/processes.ts';
import { startQuorum } from './lib/quorum.ts';
import { inRounds, medianRatio } from './lib/rounds.ts';

interface Row extends Workload {
  readonly required: number;
  readonly goal: number;
  readonly unit: 'iops' | 'bytes';
}

const ROWS: readonly Row[] = [
  { name: 'write-4k-d1', rw: 'randwrite', blockSize: '4k', depth: 1, required: 1.2, goal: 1.5, unit: 'iops' },
  {
    name: 'write-4k-d32',
    rw: 'randwrite',
    blockSize: '4k',
    depth: 32,
    required: 1.6,
    goal: 2.4,
    unit: 'iops',
  },
  { name: 'read-4k-d1', rw: 'randread', blockSize: '4k', depth: 1, required: 1.5, goal: 2, unit: 'iops' },
  { name: 'read-4k-d32', rw: 'randread', blockSize: '4k', depth: 32, required: 2.5, goal: 4, unit: 'iops' },
  { name: 'write-1m', rw: 'write', blockSize: '1m', depth: 8, required: 1.4, goal: 1.9, unit: 'bytes' },
  { name: 'read-1m', rw: 'read', blockSize: '1m', depth: 8, required: 1.4, goal: 1.9, unit: 'bytes' },
  {
    name: 'mix-4k-d16',
    rw: 'randrw',
    blockSize: '4k',
    depth: 16,
    readPercent: 70,
    required: 1.6,
    goal: 2.5,
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

function report(
  row: Row,
  contenders: readonly Contender[],
  figures: readonly (readonly Figures[])[],
): string {
  const rates = figures.map((each) => each.map(({ rate }) => rate));
  const costs = figures.map((each) => each.map(({ cpuMicroseconds }) => cpuMicroseconds));
  const lines = contenders.map(({ name }, index) => {
    const rate = Math.round(median(rates[index] ?? []));
    const cpu = median(costs[index] ?? []).toFixed(0);
    return `  ${name.padEnd(16)} ${`${rate} ${row.unit === 'iops' ? 'IOPS' : 'MB/s'}`.padStart(12)} ${`${cpu} µs`.padStart(9)}`;
  });
  const ratio = medianRatio(rates[0] ?? [], rates[1] ?? []).toFixed(2);
  const byCpu = medianRatio(costs[1] ?? [], costs[0] ?? []).toFixed(2);
  const head = `${row.name}: ${ratio} times quorum (required ${row.required}, goal ${row.goal}), ${byCpu} times by processor time`;
  return `${[head, ...lines].join('\n')}\n`;
}

/** `add` is told of each as soon as there is something to stop. */
async function startAll(folder: string, add: (servers: Servers) => void): Promise<readonly Contender[]> {
  const start = async (name: string, begin: (servers: Servers) => Promise<string>): Promise<Contender> => {
    const servers = new Servers();
    add(servers);
    return { name, servers, uri: await begin(servers) };
  };
  const mirror = (options: MirrorOptions) => async (servers: Servers) =>
    (await startMirror(servers, folder, SIZE_BYTES, options)).uri;
  return [
    await start('eterne', mirror({ peers: true })),
    await start('quorum', (servers) => startQuorum(servers, folder, SIZE_BYTES)),
    await start('without a peer', mirror({ peers: false })),
    await start('without a store', mirror({ peers: true, stores: false })),
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
  const started: Servers[] = [];
  try {
    const contenders = await startAll(folder, (servers) => started.push(servers));
    contenders.forEach(fill);
    for (const row of ROWS.filter(({ name }) => options.only === undefined || name.includes(options.only))) {
      const figures = await inRounds(contenders, options.rounds, (contender) =>
        measureOnce(row, contender, options.seconds),
      );
      process.stdout.write(report(row, contenders, figures));
    }
  } finally {
    await Promise.all(started.map((servers) => servers.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}
