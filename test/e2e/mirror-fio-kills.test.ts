/**
 * fio writes, trims and verifies through one connection while either node is killed again and again; afterwards both stores are identical.
 * `ETERNE_KILLS=50` runs it longer, `ETERNE_SEED` repeats the same moments.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { metadataBytes } from '@eterne/disk/metadata/index.ts';
import {
  mirrorPair,
  startSynced,
  type DiskNode,
  type MirrorPair,
  type StoresOf,
} from './support/disk-node.ts';
import { killAtRandom, type KillPlan } from './support/kill-rounds.ts';
import { SteadyExport } from './support/steady-export.ts';
import { VolatileStore } from './support/volatile-store.ts';

const MIB = 1024 * 1024;
const MIXED_BYTES = 64 * MIB;
const TRIMMED_BYTES = 32 * MIB;
const SIZE_BYTES = MIXED_BYTES + TRIMMED_BYTES;
const kills = Number(process.env['ETERNE_KILLS'] ?? 4);
const seed = Number(process.env['ETERNE_SEED'] ?? randomInt(1 << 30));
const run = promisify(execFile);
const absent = spawnSync('fio', ['--version']).error !== undefined;

/** mulberry32. */
function random(from: number): (bound: number) => number {
  let state = from;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/**
 * One pass: on one part of the export everything is written once, in random order, mixed with reads; on the other, what is trimmed is written
 * after. All of it is verified, along the way and at the end. (fio 3.33 cannot trim within a mixed job.)
 */
function fioPass(folder: string, socket: string, pass: number): Promise<unknown> {
  const target = [
    '--name=global',
    '--ioengine=nbd',
    `--uri=nbd+unix:///v0?socket=${socket}`,
    `--randseed=${seed + pass}`,
  ];
  const sizes = ['--iodepth=16', '--bssplit=512/20:4k/30:20k/15:64k/25:1m/10'];
  const verify = [
    '--verify=crc32c',
    '--verify_fatal=1',
    '--verify_state_save=0',
    '--verify_backlog=512',
    '--do_verify=1',
  ];
  const mixed = ['--name=mixed', '--rw=randrw', '--rwmixread=30', '--fsync=64', `--size=${MIXED_BYTES}`];
  const trimmed = [
    '--name=trimmed',
    '--rw=randtrimwrite',
    `--offset=${MIXED_BYTES}`,
    `--size=${TRIMMED_BYTES}`,
  ];
  return run('fio', [...target, ...sizes, ...verify, ...mixed, ...trimmed], { cwd: folder });
}

describe('fio with verification', { timeout: 1_200_000, skip: absent && 'fio is not installed' }, () => {
  it(`finds every byte through ${kills} kills of either side (seed ${seed})`, async () => {
    const pair = await mirrorPair(`${SIZE_BYTES}`);
    const below = random(seed);
    try {
      await startSynced(pair);
      await survive(pair, { kills, below, onlyWhenSynced: false });
      assert.deepEqual(await Promise.all([pair.a.stop(), pair.b.stop()]), [0, 0]);
      execFileSync('cmp', [pair.a.image, pair.b.image]);
    } finally {
      await pair.remove();
    }
  });

  it(`finds every byte although each of ${kills} kills drops and tears what was not flushed (seed ${seed})`, async () => {
    const below = random(seed);
    const stores = { a: volatileStores(), b: volatileStores() };
    const storesOf: StoresOf = (node, folder) => ({
      device: `nbd+unix:///store?socket=${join(folder, `${node}.data.sock`)}`,
      metadata: `nbd+unix:///store?socket=${join(folder, `${node}.meta.sock`)}`,
    });
    const pair = await mirrorPair(`${SIZE_BYTES}`, [], storesOf);
    const all = [stores.a.data, stores.a.meta, stores.b.data, stores.b.meta];
    const storesOfNode = ({ name }: DiskNode): readonly VolatileStore[] =>
      Object.values(stores[name as 'a' | 'b']);
    const until = (node: DiskNode): boolean => storesOfNode(node).some(({ isDirty }) => isDirty);
    const onKilled = (node: DiskNode): void => {
      for (const store of storesOfNode(node)) store.losePower(() => below(2) === 0);
    };
    try {
      for (const [node, { data, meta }] of Object.entries(stores)) {
        await data.listen(join(pair.folder, `${node}.data.sock`));
        await meta.listen(join(pair.folder, `${node}.meta.sock`));
      }
      await startSynced(pair);
      await survive(pair, { kills, below, onlyWhenSynced: true, onKilled }, until);
      assert.deepEqual(await Promise.all([pair.a.stop(), pair.b.stop()]), [0, 0]);
      assert.ok(stores.a.data.content.equals(stores.b.data.content));
      const lost = all.reduce((sum, { lostSectors }) => sum + lostSectors, 0);
      assert.ok(lost > 0, 'nothing was lost: the test has not tested');
      process.stdout.write(`# ${lost} sectors lost\n`);
    } finally {
      await pair.remove();
      for (const store of all) store.close();
    }
  });
});

const volatileStores = (): { readonly data: VolatileStore; readonly meta: VolatileStore } => ({
  data: new VolatileStore(SIZE_BYTES),
  meta: new VolatileStore(metadataBytes(SIZE_BYTES)),
});

/** A primary is killed only while it has fio's connection; `until`: what else is to hold. */
async function survive(
  pair: MirrorPair,
  plan: Omit<KillPlan, 'until'>,
  until: (node: DiskNode) => boolean = () => true,
): Promise<void> {
  const steady = new SteadyExport([pair.a.uri, pair.b.uri]);
  const socket = join(pair.folder, 'steady.nbd');
  await steady.listen(socket, SIZE_BYTES);
  let passes = 0;
  const stop = new AbortController();
  const load = async (): Promise<void> => {
    while (!stop.signal.aborted) await fioPass(pair.folder, socket, passes++);
  };
  const isMoment: KillPlan['until'] = (node, role) =>
    (role === 'secondary' || steady.isServedBy(node.uri)) && until(node);
  const killer = killAtRandom(pair, { ...plan, until: isMoment }).finally(() => stop.abort());
  try {
    const [count] = await Promise.all([killer, load()]);
    assert.deepEqual(steady.refusals, []);
    assert.equal(count.primaries + count.secondaries, kills);
    assert.ok(
      steady.reconnects >= count.primaries,
      `${steady.reconnects} reconnects, ${count.primaries} primaries killed`,
    );
    process.stdout.write(`# ${JSON.stringify({ ...count, passes, reconnects: steady.reconnects })}\n`);
  } finally {
    steady.close();
  }
}
