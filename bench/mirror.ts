/**
 * The mirror against QEMU's quorum driver, side by side: same machine, same files, same fio, alternating within each round, medians over
 * the rounds, reported as ratios. `npm run bench -- mirror [--rounds N] [--seconds N] [--only NAME]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GIB } from '@eterne/base';
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

const SIZE_BYTES = GIB;

const figure = (row: Row, result: Result): number =>
  row.unit === 'iops' ? result.iops : result.bytesPerSecond / 1e6;

const show = (row: Row, value: number): string =>
  row.unit === 'iops' ? `${Math.round(value)} IOPS` : `${Math.round(value)} MB/s`;

interface Contender {
  readonly name: string;
  readonly uri: string;
}

/** Fills the volume once, so that no measurement meets unallocated blocks. */
function fill(contender: Contender): void {
  runFio(contender.uri, { name: 'fill', rw: 'write', blockSize: '1m', depth: 4 }, 'once', SIZE_BYTES);
}

function measure(
  row: Row,
  contenders: readonly Contender[],
  rounds: number,
  seconds: number,
): Map<string, number> {
  const figures = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, uri } of contenders)
      figures.get(name)?.push(figure(row, runFio(uri, row, seconds, SIZE_BYTES)));
  }
  return new Map([...figures].map(([name, values]) => [name, median(values)]));
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
  const servers = new Servers();
  try {
    const contenders = [
      { name: 'eterne', uri: (await startMirror(servers, folder, SIZE_BYTES, { peers: true })).uri },
      { name: 'quorum', uri: await startQuorum(servers, folder, SIZE_BYTES) },
      { name: 'alone', uri: (await startMirror(servers, folder, SIZE_BYTES, { peers: false })).uri },
    ];
    contenders.forEach(fill);
    for (const row of ROWS.filter(({ name }) => options.only === undefined || name.includes(options.only))) {
      const result = measure(row, contenders, options.rounds, options.seconds);
      const [eterne = 0, quorum = 0, alone = 0] = contenders.map(({ name }) => result.get(name) ?? 0);
      const ratio = eterne / quorum;
      process.stdout.write(
        `${row.name.padEnd(14)} eterne ${show(row, eterne).padStart(13)}   quorum ${show(row, quorum).padStart(13)}   ` +
          `ratio ${ratio.toFixed(2)} (required ${row.required})   without a peer ${show(row, alone).padStart(13)}\n`,
      );
    }
  } finally {
    await servers.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
