/**
 * What copying and comparing cost, with real processes on this machine: `npm run bench -- resync [--only NAME] [--rounds N] [--seconds N]`.
 *
 * - `sparse`: the first copy of a 100 GiB volume with 300 MB of ext4 in it
 * - `one-percent`: 1 % of 10 GiB written while a replica is away
 * - `load`: a 4 KiB random-write workload alone, beside a verify, and beside a copy of everything
 */
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GIB, MIB, assert } from '@eterne/base';
import type { PeerStatus } from '@eterne/disk/engine/api.ts';
import { mirrorPair, startSynced, type DiskNode, type MirrorPair } from '../test/e2e/support/disk-node.ts';
import { median, runFio, runFioBeside, type Workload } from './lib/fio.ts';
import { sleep } from './lib/processes.ts';
import { medianRatio } from './lib/rounds.ts';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly only: string | undefined;
}

const PARTS: Readonly<Record<string, (pair: MirrorPair, options: Options) => Promise<void>>> = {
  sparse,
  'one-percent': onePercent,
  load,
};
const SIZES: Readonly<Record<string, string>> = { sparse: '100GiB', 'one-percent': '10GiB', load: '1GiB' };

export async function benchResync(options: Options): Promise<void> {
  for (const [name, run] of Object.entries(PARTS)) {
    if ((options.only ?? name) !== name) continue;
    const initialSync = name === 'sparse' ? 'smart' : 'none';
    const pair = await mirrorPair(SIZES[name] ?? '1GiB', [`initialSync: ${initialSync}`]);
    try {
      await run(pair, options);
    } finally {
      await pair.remove();
    }
  }
}

async function sparse({ a, b, folder }: MirrorPair): Promise<void> {
  const files = join(folder, 'files');
  mkdirSync(files);
  for (let index = 0; index < 30; index += 1)
    writeFileSync(join(files, `${index}`), randomFillSync(Buffer.allocUnsafe(10_000_000)));
  writeFileSync(a.image, '');
  truncateSync(a.image, 100 * GIB);
  execFileSync('mkfs.ext4', ['-q', '-d', files, a.image]);
  execFileSync('sync', [a.image]);
  const usedBytes = statSync(a.image).blocks * 512;
  await Promise.all([a.start(), b.start()]);
  await a.wait('connected');
  const begunMs = performance.now();
  await a.must('promote', { force: true });
  await a.wait('synced', 120_000);
  const seconds = (performance.now() - begunMs) / 1000;
  const { kind, reason, wireBytes } = (await a.peer()).resync;
  assert(
    (await Promise.all([a.stop(), b.stop()])).every((code) => code === 0),
    'both end cleanly',
  );
  execFileSync('e2fsck', ['-fn', b.image], { stdio: 'ignore' });
  show('sparse', `${kind} (${reason})`);
  show('sparse', `${mb(usedBytes)} used, ${mb(wireBytes)} sent: ${ratio(wireBytes / usedBytes)} (≤ 1.15)`);
  show('sparse', `${seconds.toFixed(1)} s from promotion to in sync (< 30)`);
  show('sparse', `${mb(statSync(b.image).blocks * 512)} allocated on the target`);
}

async function onePercent(pair: MirrorPair): Promise<void> {
  const { a, b } = pair;
  await startSynced(pair);
  await b.kill();
  const count = Math.floor((10 * GIB) / 100 / 4096);
  const args = [
    '--name=dirty',
    '--ioengine=nbd',
    `--uri=${a.uri}`,
    '--rw=randwrite',
    '--bs=4k',
    '--iodepth=32',
  ];
  execFileSync('fio', [...args, `--size=${10 * GIB}`, `--number_ios=${count}`, '--output=/dev/null']);
  const { dirtyBytes } = await a.peer();
  const begunMs = performance.now();
  await b.start();
  await a.wait('connected');
  const connectedMs = performance.now();
  while ((await a.peer()).resync.wireBytes < MIB) await sleep(10);
  const startedMs = performance.now();
  await a.wait('synced');
  const { wireBytes } = (await a.peer()).resync;
  show(
    'one-percent',
    `${mb(dirtyBytes)} dirty, ${mb(wireBytes)} sent: ${ratio(wireBytes / dirtyBytes)} (≤ 1.1)`,
  );
  show(
    'one-percent',
    `first MiB on its way ${Math.round(startedMs - connectedMs)} ms after reconnecting (< 1000)`,
  );
  show(
    'one-percent',
    `${((performance.now() - begunMs) / 1000).toFixed(1)} s from the start of the process to in sync`,
  );
}

/** Fio needs so long before it works. */
const STARTING_MS = 1000;
const WORKLOAD: Workload = { name: 'load', rw: 'randwrite', blockSize: '4k', depth: 16 };

/** Beside a verify or a copy the workload keeps at least three quarters of its throughput. */
async function load(pair: MirrorPair, { rounds, seconds }: Options): Promise<void> {
  const { a, b } = pair;
  await startSynced(pair);
  runFio(a.uri, { name: 'fill', rw: 'write', blockSize: '1m', depth: 4 }, 'once', GIB);
  const figures: Record<'alone' | 'verify' | 'copy', number[]> = { alone: [], verify: [], copy: [] };
  const moved: Record<'verify' | 'copy', number[]> = { verify: [], copy: [] };
  for (let round = 0; round < rounds; round += 1) {
    figures.alone.push(runFio(a.uri, WORKLOAD, seconds, GIB).iops);
    await b.must('verify');
    const verify = await besides(a, seconds, verifiedBytes);
    await untilQuiet(a);
    await b.must('invalidate');
    const copy = await besides(a, seconds, copiedBytes);
    await a.wait('synced', 120_000);
    figures.verify.push(verify.iops);
    figures.copy.push(copy.iops);
    moved.verify.push(verify.bytesPerSecond);
    moved.copy.push(copy.bytesPerSecond);
  }
  show('load', `alone ${Math.round(median(figures.alone))} IOPS`);
  for (const kind of ['verify', 'copy'] as const)
    show(
      'load',
      `beside a ${kind} at ${mb(median(moved[kind]))}/s: ${Math.round(median(figures[kind]))} IOPS, ${ratio(medianRatio(figures[kind], figures.alone))} (≥ 0.75)`,
    );
}

/** What the workload reaches, and what the background work, which must not come to its end, moves while the workload is at work. */
async function besides(
  a: DiskNode,
  seconds: number,
  bytes: (peer: PeerStatus) => number,
): Promise<{ iops: number; bytesPerSecond: number }> {
  const running = runFioBeside(a.uri, WORKLOAD, seconds, GIB);
  await sleep(STARTING_MS);
  const before = bytes(await a.peer());
  const begunMs = performance.now();
  const { iops } = await running;
  const moved = bytes(await a.peer()) - before;
  return { iops, bytesPerSecond: (moved / (performance.now() - begunMs)) * 1000 };
}

const verifiedBytes = ({ lastVerify, verify }: PeerStatus): number =>
  verify?.checkedBytes ?? lastVerify?.checkedBytes ?? 0;
/** What went over the wire: blocks count as synced only when they are flushed, which takes its time with the workload's writes before them. */
const copiedBytes = ({ resync }: PeerStatus): number => resync.wireBytes;

async function untilQuiet(a: DiskNode): Promise<void> {
  while ((await a.peer()).verify !== null) await sleep(100);
}

const mb = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
const ratio = (value: number): string => value.toFixed(3);
const show = (part: string, text: string): void => void process.stdout.write(`${part}: ${text}\n`);
