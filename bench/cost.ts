/**
 * What a mirrored volume costs beside the rate it reaches: `npm run bench -- cost [--only NAME] [--rounds N] [--seconds N]`.
 *
 * - `memory`: of a node with a clean volume of 8 TiB, over one of 1 GiB
 * - `size`: the same writes on a volume of 8 TiB and on one of 1 GiB
 * - `log`: the activity log's part of a write to a hot extent
 * - `files`: the same bytes as one file and as many (F15), written to a mirrored volume
 */
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GIB, KIB, MIB, TIB } from '@eterne/base';
import { startMirror } from './lib/eterne.ts';
import { median, runFio, type Workload } from './lib/fio.ts';
import { Servers } from './lib/processes.ts';
import { inRounds, medianRatio } from './lib/rounds.ts';
import { touchNanoseconds } from './metadata.ts';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly only: string | undefined;
}

interface Volume {
  readonly servers: Servers;
  readonly uri: string;
}

const NODES = 2;
const SPAN_BYTES = 256 * MIB;
const WRITES: Workload = { name: 'writes', rw: 'randwrite', blockSize: '4k', depth: 32 };
const DATA_BYTES = 16 * MIB;
/** So many copies are one measurement: processor time is counted in hundredths of a second. */
const COPIES = 8;
const SMALL_FILE_BYTES = 4 * KIB;

const show = (part: string, text: string): void => void process.stdout.write(`${part}: ${text}\n`);
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

export async function benchCost(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-bench-'));
  const started: Servers[] = [];
  const start = async (name: string, sizeBytes: number): Promise<Volume> => {
    const servers = new Servers();
    started.push(servers);
    mkdirSync(join(folder, name));
    return { servers, uri: (await startMirror(servers, join(folder, name), sizeBytes, { peers: true })).uri };
  };
  const wants = (...parts: readonly string[]): boolean =>
    options.only === undefined || parts.includes(options.only);
  try {
    const small = await start('small', GIB);
    if (wants('memory', 'size')) {
      const large = await start('large', 8 * TIB);
      if (wants('memory')) memory(small, large);
      if (wants('size')) await size(small, large, options);
    }
    if (wants('log')) log(small, options);
    if (wants('files')) files(small, folder, options);
  } finally {
    await Promise.all(started.map((servers) => servers.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

function memory(small: Volume, large: Volume): void {
  const added = (large.servers.usage().rssBytes - small.servers.usage().rssBytes) / NODES;
  show('memory', `a clean volume of 8 TiB adds ${mib(added)} to a node over one of 1 GiB (≤ 32)`);
}

/** Rate, and processor time for one write in microseconds. */
function write({ servers, uri }: Volume, seconds: number): { iops: number; cpu: number } {
  const before = servers.usage().cpuSeconds;
  const { iops, operations } = runFio(uri, WRITES, seconds, SPAN_BYTES);
  return { iops, cpu: ((servers.usage().cpuSeconds - before) / operations) * 1e6 };
}

async function size(small: Volume, large: Volume, { rounds, seconds }: Options): Promise<void> {
  const volumes = [small, large];
  for (const volume of volumes) write(volume, seconds);
  const [one = [], eight = []] = await inRounds(volumes, rounds, (volume) => write(volume, seconds));
  const rates = [one, eight].map((results) => Math.round(median(results.map(({ iops }) => iops))));
  const [ofOne = [], ofEight = []] = [one, eight].map((results) => results.map(({ cpu }) => cpu));
  const ratio = medianRatio(ofEight, ofOne).toFixed(2);
  show('size', `1 GiB ${rates[0]} IOPS, 8 TiB ${rates[1]} IOPS`);
  show(
    'size',
    `${median(ofOne).toFixed(1)} and ${median(ofEight).toFixed(1)} µs of processor time a write: ${ratio} (within 10 %)`,
  );
}

function log(volume: Volume, { seconds }: Options): void {
  write(volume, seconds);
  const { cpu } = write(volume, seconds);
  const touch = touchNanoseconds() / 1000;
  const percent = ((touch / cpu) * 100).toFixed(1);
  show('log', `${touch.toFixed(2)} of ${cpu.toFixed(1)} µs of a write to a hot extent: ${percent} % (≤ 10)`);
}

function files(volume: Volume, folder: string, { rounds }: Options): void {
  const images = [1, DATA_BYTES / SMALL_FILE_BYTES].map((count) => image(folder, count));
  const costs = images.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1)
    images.forEach(({ path, usedBytes }, index) => {
      const before = volume.servers.usage().cpuSeconds;
      for (let copy = 0; copy < COPIES; copy += 1) execFileSync('nbdcopy', ['--flush', path, volume.uri]);
      const ms = (volume.servers.usage().cpuSeconds - before) * 1000;
      costs[index]?.push(ms / ((COPIES * usedBytes) / MIB));
    });
  images.forEach(({ count, usedBytes }, index) =>
    show(
      'files',
      `${count} files, ${mib(usedBytes)}: ${median(costs[index] ?? []).toFixed(2)} ms of processor time a MiB`,
    ),
  );
}

/** An ext4 image of so many files that hold the same bytes together. */
function image(folder: string, count: number): { count: number; path: string; usedBytes: number } {
  const tree = join(folder, `tree-${count}`);
  const path = join(folder, `tree-${count}.img`);
  mkdirSync(tree);
  const data = randomFillSync(Buffer.alloc(DATA_BYTES / count));
  for (let index = 0; index < count; index += 1) writeFileSync(join(tree, `${index}`), data);
  execFileSync('mkfs.ext4', ['-q', '-N', '8192', '-d', tree, path, '64M']);
  return { count, path, usedBytes: statSync(path).blocks * 512 };
}
