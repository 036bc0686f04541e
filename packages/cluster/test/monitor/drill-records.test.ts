import assert from 'node:assert/strict';
import { existsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EterneError } from '@eterne/base';
import { DrillRecords } from '../../src/monitor/drill-records.ts';
import { Monitor } from '../../src/monitor/monitor.ts';
import type { ActionResult } from '../../src/ports.ts';
import { FakeHeart, makeHands } from './hands.ts';

const RECORD_BYTES = 64;

type Counted = number | EterneError;
const settled = (act: (done: (records: Counted) => void) => void): Promise<Counted> => new Promise(act);

/** So many are confirmed: the one after them is there. */
async function confirmed(file: string, records: number): Promise<void> {
  while (!existsSync(file) || statSync(file).size <= records * RECORD_BYTES) await sleep(5);
}

test('every confirmed record is found again, and one that is cut short is missed', async (context) => {
  const { world, dir } = await makeHands(context);
  const records = new DrillRecords(world, dir, 'one');
  const began = await new Promise((resolve) => records.begin(resolve));
  assert.equal(began, undefined);
  const file = join(dir, '.eterne-drill');
  await confirmed(file, 2);
  const written = await settled((done) => records.end(done));
  assert(typeof written === 'number' && written >= 2, String(written));
  assert.equal(await settled((done) => new DrillRecords(world, dir, 'one').count(done)), written);
  assert.equal(existsSync(file), false);
  const again = new DrillRecords(world, dir, 'two');
  await new Promise((resolve) => again.begin(resolve));
  await confirmed(file, 1);
  const second = await settled((done) => again.end(done));
  assert(typeof second === 'number' && second >= 1);
  truncateSync(file, second * RECORD_BYTES - 1);
  assert.equal(await settled((done) => new DrillRecords(world, dir, 'two').count(done)), second - 1);
});

test('records of another drill do not count', async (context) => {
  const { world, dir } = await makeHands(context);
  writeFileSync(join(dir, '.eterne-drill'), Buffer.alloc(10 * RECORD_BYTES));
  assert.equal(await settled((done) => new DrillRecords(world, dir, 'one').count(done)), 0);
});

test('where nothing can be written the drill hears it', async (context) => {
  const { world, dir } = await makeHands(context);
  const records = new DrillRecords(world, join(dir, 'nowhere'), 'one');
  const error = await new Promise((resolve) => records.begin(resolve));
  assert(error instanceof EterneError);
  assert.equal(await settled((done) => records.end(done)), 0);
});

test('what a drill has open is closed when its file system is stopped, also when nobody ended the drill', async (context) => {
  const real = await makeHands(context);
  const { files, processes } = real.world;
  const directory = join(real.dir, 'mnt');
  let isMounted = false;
  let isOpen = false;
  const openFile: typeof files.openFile = (path, done) =>
    files.openFile(path, (file) => {
      if (file instanceof EterneError) return done(file);
      isOpen = true;
      const close: typeof file.close = (closed) => {
        isOpen = false;
        file.close(closed);
      };
      done({
        sizeBytes: file.sizeBytes,
        readAt: (...read) => file.readAt(...read),
        writeAt: (...write) => file.writeAt(...write),
        truncate: (...cut) => file.truncate(...cut),
        sync: (synced) => file.sync(synced),
        close,
      });
    });
  const readFile: typeof files.readFile = (path, done) => {
    if (path !== '/proc/self/mounts') return files.readFile(path, done);
    const mounts = isMounted ? `/dev/eterne ${directory} ext4 rw 0 0\n` : '';
    real.world.timers.soon(() => done(Buffer.from(mounts)));
  };
  const spawn: typeof processes.spawn = ({ command: [program] }, onExit) => {
    if (program === 'mount') isMounted = true;
    if (program === 'umount' && !isOpen) isMounted = false;
    const said = program === 'umount' && isOpen ? '/bin/false' : '/bin/echo';
    return processes.spawn({ command: [said, 'ext4'] }, onExit);
  };
  const world = {
    ...real.world,
    files: { ...files, openFile, readFile },
    processes: { ...processes, spawn },
  };
  const heart = new FakeHeart();
  const monitor = new Monitor({ ...real, world }, heart);
  context.after(async () => {
    isOpen = false;
    await new Promise<void>((resolve) => monitor.kill('g', () => resolve()));
    monitor.close();
  });
  await new Promise<void>((resolve) => monitor.open(() => resolve()));
  heart.lease('g', 1, real.world.clock.bootMs() + 60_000);
  const params = { device: '/dev/eterne', directory, fstype: 'ext4' };
  const spec = { group: 'g', name: 'fs', type: 'filesystem', params };
  const started = await new Promise<ActionResult>((resolve) => monitor.start(spec, 1, 5000, resolve));
  assert.equal(started.ok, true, started.reason);
  const order = { verb: 'write', group: 'g', drill: 'a', directory } as const;
  await new Promise<void>((resolve) => monitor.drill(order, () => resolve()));
  assert.equal(isOpen, true);
  const stopped = await new Promise<ActionResult>((resolve) => monitor.stop(spec, 1000, resolve));
  assert.equal(stopped.ok, true, stopped.reason);
});
