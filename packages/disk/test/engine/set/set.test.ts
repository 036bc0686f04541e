/** Two volumes of a mirror set, `data` and `wal`, used as a database does: the log before the data. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockDevice } from '@eterne/runtime';
import type { VolumeConfig } from '../../../src/engine/api.ts';
import { windowOf } from '../../../src/engine/set/members.ts';
import { WindowDevice } from '../../../src/engine/set/window-device.ts';
import { numbers } from '../support/load.ts';
import type { TestNode } from '../support/mesh.ts';
import { BLOCK, Pair } from '../support/pair.ts';

const MIB = 1024 * 1024;
const MEMBERS = [
  { name: 'data', sizeBytes: 2 * MIB, devicePath: 'data' },
  { name: 'wal', sizeBytes: MIB, devicePath: 'wal' },
] as const;
type Name = (typeof MEMBERS)[number]['name'];

const SET: Partial<VolumeConfig> = { members: MEMBERS, sizeBytes: 3 * MIB };
const RESCUE: Partial<VolumeConfig> = {
  rescueJournal: { path: 'rescue', maxBytes: 64 * MIB, whenFull: 'pause' },
};
/** Longer than either volume. */
const DISK_BYTES = 3 * MIB;
/** What the application writes, in order. */
const RECORDS = 60;

function deviceOf(node: TestNode, name: Name): BlockDevice {
  const { device } = node.volume;
  assert.ok(device, `${node.name} serves`);
  const index = MEMBERS.findIndex((member) => member.name === name);
  return new WindowDevice(name, device, () => windowOf(MEMBERS, index, device.sizeBytes));
}

/** The block's content on a node's own disk. */
function onDisk(node: TestNode, name: Name, block: number): number {
  const disk = name === 'data' ? node.data : node.images.get('wal');
  return disk?.content[block * BLOCK] ?? 0;
}

function write(pair: Pair, node: TestNode, name: Name, block: number, fill: number): void {
  let answer: string | undefined;
  deviceOf(node, name).write(
    block * BLOCK,
    Buffer.alloc(BLOCK, fill),
    false,
    (error) => (answer = error ?? 'ok'),
  );
  pair.until(() => answer !== undefined);
  assert.equal(answer, 'ok');
}

/** Writes record after record, to the log, then (after a flush of the log where `flushes`) to the data, until it is stopped. */
class Database {
  readonly #node: TestNode;
  readonly #flushes: boolean;
  written = 0;

  constructor(node: TestNode, flushes: boolean) {
    this.#node = node;
    this.#flushes = flushes;
  }

  /** Each step begins when the one before was answered. */
  go(record = 1): void {
    if (record > RECORDS) return;
    const wal = deviceOf(this.#node, 'wal');
    const data = deviceOf(this.#node, 'data');
    const fill = Buffer.alloc(BLOCK, record);
    const thenData = (): void =>
      data.write(record * BLOCK, fill, false, () => {
        this.written = record;
        this.go(record + 1);
      });
    wal.write(record * BLOCK, fill, false, () => {
      if (this.#flushes) wal.flush(thenData);
      else thenData();
    });
  }
}

/** Present records of a volume on a node's disk. */
function records(node: TestNode, name: Name): number[] {
  const all = Array.from({ length: RECORDS }, (_, index) => index + 1);
  return all.filter((record) => onDisk(node, name, record) === record);
}

function makePair(mode: 'sync' | 'async', random: (bound: number) => number): Pair {
  const pair = new Pair({ diskBytes: DISK_BYTES, config: { ...SET, mode }, diskDelayMs: () => random(4) });
  if (random(2) === 0) pair.network.pieceBytes = () => 1 + random(9000);
  return pair.startMirror();
}

/** The primary dies at any moment, the peer lives: what it has is what was written first. Answers how many writes that is. */
function prefixAfterCrash(mode: 'sync' | 'async', seed: number): number {
  const random = numbers(seed);
  const pair = makePair(mode, random);
  const database = new Database(pair.a, false);
  database.go();
  pair.scheduler.runFor(random(150));
  const { written } = database;
  pair.a.kill(true);
  pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
  pair.scheduler.runFor(100);
  const logged = records(pair.b, 'wal');
  const stored = records(pair.b, 'data');
  assert.ok(isPrefix(logged) && isPrefix(stored), `seed ${seed}: a gap`);
  const ahead = logged.length - stored.length;
  assert.ok(ahead === 0 || ahead === 1, `seed ${seed}: ${logged.length} logged, ${stored.length} stored`);
  if (mode === 'sync') assert.ok(stored.length >= written, `seed ${seed}: an answered write is missing`);
  return logged.length + stored.length;
}

const isPrefix = (present: readonly number[]): boolean =>
  present.every((record, index) => record === index + 1);

/**
 * Both lose power, and the peer's caches lose any of what was not flushed: every record that is in the data is in the log. `spoil`: done to the peer
 * before the load begins.
 */
function orderHolds(seed: number, spoil: (peer: TestNode) => void = () => {}): boolean {
  const random = numbers(seed);
  const pair = makePair('async', random);
  spoil(pair.b);
  new Database(pair.a, true).go();
  pair.scheduler.runFor(50 + random(300));
  pair.a.kill(true);
  pair.b.kill(true, () => random(2) === 0);
  const logged = records(pair.b, 'wal');
  return records(pair.b, 'data').every((record) => logged.includes(record));
}

describe('a mirror set', () => {
  for (const mode of ['sync', 'async'] as const)
    test(`${mode}: a dead primary leaves the peer at one point of the order of all its volumes`, () => {
      const ends = Array.from({ length: 20 }, (_, index) => prefixAfterCrash(mode, index + 1));
      assert.ok(new Set(ends).size > 5, `different points: ${ends.join()}`);
    });

  test('a power cut leaves no data without its log', () => {
    for (let seed = 1; seed <= 30; seed += 1) assert.ok(orderHolds(seed), `seed ${seed}`);
  });

  test('which it would if epochs were of each volume', () => {
    // Then what the data waits for is a flush of its own store, and the log's goes on in a cache.
    const perVolume = (peer: TestNode): void => {
      const wal = peer.images.get('wal');
      assert.ok(wal);
      wal.flush = () => {};
    };
    const seeds = Array.from({ length: 40 }, (_, index) => index + 1);
    assert.ok(seeds.some((seed) => !orderHolds(seed, perVolume)));
  });

  test('is promoted, resynchronised and taken over as one', () => {
    const pair = new Pair({ diskBytes: DISK_BYTES, config: SET }).startMirror();
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    write(pair, pair.a, 'data', 3, 1);
    write(pair, pair.a, 'wal', 3, 2);
    pair.b.start();
    pair.until(() => pair.isEqual());
    pair.demote(pair.a);
    pair.promote(pair.b);
    write(pair, pair.b, 'wal', 255, 9);
    assert.equal(onDisk(pair.a, 'data', 3), 1);
    assert.equal(onDisk(pair.a, 'wal', 3), 2);
    assert.equal(onDisk(pair.a, 'wal', 255), 9);
    assert.equal(onDisk(pair.a, 'data', 511), 0);
  });

  test('has one split brain, and one side wins all of it', () => {
    const pair = new Pair({ diskBytes: DISK_BYTES, config: { ...SET, ...RESCUE } }).startMirror();
    write(pair, pair.a, 'data', 1, 1);
    pair.network.isCut = true;
    pair.until(() => pair.nodes.every(({ volume }) => volume.status().peers[0]?.connection === 'Connecting'));
    pair.promote(pair.b, { force: true });
    write(pair, pair.a, 'data', 2, 0xaa);
    write(pair, pair.b, 'wal', 2, 0xbb);
    pair.demote(pair.b);
    pair.network.isCut = false;
    pair.until(() => pair.nodes.every(({ volume }) => volume.status().peers[0]?.splitBrain === true));
    pair.b.volume.resolve(undefined, 'local', (error) => assert.equal(error, undefined));
    pair.a.volume.connect('b', () => {});
    pair.until(() => pair.isEqual());
    let exported = false;
    pair.b.volume.rescue?.export(undefined, 'image', (error) => (exported = error === undefined), 'wal');
    pair.until(() => exported);
    const image = pair.b.images.get('image')?.content;
    assert.equal(image?.[2 * BLOCK], 0xbb, 'what the loser had written is in the image of its log');
    for (const node of pair.nodes) {
      assert.equal(onDisk(node, 'data', 2), 0xaa);
      assert.equal(onDisk(node, 'wal', 2), 0, 'no log of the one side beside data of the other');
    }
  });

  test('loses a peer for all its volumes at once, and holds writes to any of them', () => {
    const pair = new Pair({ diskBytes: DISK_BYTES, config: { ...SET, onPeerLost: 'freeze' } }).startMirror();
    pair.b.kill();
    const answers: string[] = [];
    for (const name of ['wal', 'data'] as const)
      deviceOf(pair.a, name).write(0, Buffer.alloc(BLOCK, 1), false, (error) => answers.push(error ?? name));
    pair.scheduler.runFor(3000);
    assert.equal(pair.a.volume.status().frozen, true);
    assert.deepEqual(answers, []);
    pair.b.start();
    pair.until(() => answers.length === 2);
    assert.deepEqual(
      answers.toSorted((one, other) => (one < other ? -1 : 1)),
      ['data', 'wal'],
    );
    assert.deepEqual([onDisk(pair.b, 'data', 0), onDisk(pair.b, 'wal', 0)], [1, 1]);
  });

  test('is rolled back as one when the source of a copy dies', () => {
    const pair = new Pair({
      diskBytes: DISK_BYTES,
      config: { ...SET, ...RESCUE },
      diskDelayMs: () => 0.2,
    }).startMirror();
    write(pair, pair.a, 'data', 1, 1);
    write(pair, pair.a, 'wal', 1, 1);
    pair.b.kill();
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    for (let block = 0; block < 200; block += 1)
      write(pair, pair.a, block % 2 === 0 ? 'data' : 'wal', block, 2);
    pair.b.start();
    pair.until(() => pair.b.volume.status().disk === 'Inconsistent');
    pair.until(() => onDisk(pair.b, 'data', 0) === 2);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().disk !== 'Inconsistent', 60_000);
    assert.deepEqual(
      [onDisk(pair.b, 'data', 0), onDisk(pair.b, 'data', 1), onDisk(pair.b, 'wal', 1)],
      [0, 1, 1],
    );
  });

  test('meets no other order of its volumes, nor other sizes', () => {
    const pair = new Pair({ diskBytes: DISK_BYTES, config: SET });
    pair.a.start();
    const swapped = [...MEMBERS].reverse();
    Object.assign(pair.options, { config: { ...SET, members: swapped } });
    pair.b.start();
    pair.scheduler.runFor(2000);
    assert.equal(pair.isConnected(), false);
    assert.ok(pair.a.logs.some((line) => line.includes('their order or their sizes differ')));
    pair.b.kill();
    Object.assign(pair.options, { config: SET });
    const again = pair.b.tryStart();
    pair.until(() => again.value !== undefined);
    assert.ok(again.value instanceof EterneError);
    assert.match(again.value.message, /are not those that its metadata was made for/);
  });

  test('keeps each volume to itself', () => {
    const pair = new Pair({ diskBytes: DISK_BYTES, config: SET }).startMirror();
    const data = deviceOf(pair.a, 'data');
    assert.equal(data.sizeBytes, 2 * MIB);
    data.write(2 * MIB - BLOCK, Buffer.alloc(2 * BLOCK, 1), false, (error) => assert.equal(error, 'ENOSPC'));
    data.read(2 * MIB, BLOCK, (error) => assert.equal(error, 'EINVAL'));
    assert.ok(DISK_BYTES > 2 * MIB, 'the device itself is longer');
    assert.equal(onDisk(pair.a, 'wal', 0), 0);
  });
});
