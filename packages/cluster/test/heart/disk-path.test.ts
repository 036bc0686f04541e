/** Heartbeats over a disk: a path like the others, except that nothing but beats travels on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heart } from '../../src/heart/heart.ts';
import type { HeartMember, HeartSetup } from '../../src/heart/setup.ts';
import { encodeBoardHeader, BOARD_FROM, slotOffset } from '../../src/heart/wire/board.ts';
import type { PathStatus } from '../../src/ports.ts';
import type { Profile } from '../../src/state/model.ts';
import { CLUSTER_ID, DISK_ID, SharedFile } from './shared-file.ts';
import { VirtualWorld } from './virtual-world.ts';

const clusterKey = Buffer.alloc(32, 9);
const SKEW_MS: Record<string, number> = { a: 0, b: 5_000_000 };
const MEMBERS: readonly HeartMember[] = ['a', 'b'].map((node, slot) => ({
  node,
  role: 'node',
  addresses: [`${node}.0:7700`],
  slot,
}));

class Pair {
  readonly world = new VirtualWorld();
  readonly file = new SharedFile(this.world);
  readonly hearts = new Map<string, Heart>();
  readonly alive = new Map<string, string>();
  readonly paths = new Map<string, readonly PathStatus[]>();
  requests = 0;

  constructor(disks: HeartSetup['disks'] = [{ id: DISK_ID, device: '/dev/shared' }]) {
    for (const name of ['a', 'b']) this.start(name, { members: MEMBERS, disks });
  }

  start(name: string, setup: HeartSetup, key = clusterKey): Heart {
    const { addresses } = MEMBERS.find(({ node }) => node === name) ?? assert.fail();
    const heart = new Heart(this.world.machine(SKEW_MS[name] ?? 0), {
      node: name,
      life: `${name}-1`,
      clusterKey: key,
      addresses,
      asksForLeases: true,
      disks: this.file.disks(),
    });
    heart.onLiveness((alive, paths) => {
      this.alive.set(name, [...alive].sort().join(''));
      this.paths.set(name, paths);
    });
    heart.onLeaseRequest(({ node }) => node !== name && (this.requests += 1));
    heart.open((error) => assert.equal(error, undefined));
    heart.configure(setup);
    this.hearts.set(name, heart);
    return heart;
  }

  heart(name: string): Heart {
    return this.hearts.get(name) ?? assert.fail(name);
  }

  path(name: string): PathStatus {
    return this.paths.get(name)?.find(({ kind }) => kind === 'disk') ?? assert.fail('a disk path');
  }

  cutNetwork(): void {
    this.world.cut = () => true;
  }

  /** What is in `name`'s sector now. */
  sector(slot: number): Buffer {
    return this.file.content.subarray(slotOffset(slot), slotOffset(slot) + 4096);
  }
}

const SETUP: HeartSetup = { members: MEMBERS, disks: [{ id: DISK_ID, device: '/dev/shared' }] };

test('a disk is one more path in the matrix', () => {
  const pair = new Pair();
  pair.world.run(5000);
  for (const name of ['a', 'b']) {
    const { path, up, lossPercent, latencyMs, ageMs, trouble } = pair.path(name);
    assert.deepEqual(
      { path, up, lossPercent, trouble },
      { path: 'disk:/dev/shared', up: true, lossPercent: 0, trouble: null },
    );
    assert.ok(latencyMs !== null && latencyMs >= 2 && latencyMs < 10, `${latencyMs} ms`);
    assert.ok(ageMs !== null && ageMs <= 300, `${ageMs} ms`);
  }
});

test('the network is cut: the peer is seen and not reached, and no lease is asked for over the disk', () => {
  const pair = new Pair();
  pair.world.run(3000);
  pair.cutNetwork();
  pair.world.run(1500);
  pair.requests = 0;
  pair.world.run(5000);
  for (const name of ['a', 'b']) {
    assert.equal(pair.alive.get(name), name, 'nobody else is reached');
    assert.ok(pair.path(name).up, 'but seen');
  }
  assert.equal(pair.requests, 0);
  pair.heart('b').close();
  pair.world.run(1600);
  assert.ok(!pair.path('a').up, 'silent on every path');
});

test('the disk is cut: the network goes on, the trouble is told and ends with it', () => {
  const pair = new Pair();
  pair.world.run(3000);
  pair.file.fails = 'read /dev/shared: EIO';
  pair.world.run(1600);
  assert.equal(pair.alive.get('a'), 'ab');
  assert.ok(!pair.path('a').up);
  assert.equal(pair.path('a').trouble, 'read /dev/shared: EIO');
  pair.file.fails = undefined;
  pair.world.run(7000);
  assert.ok(pair.path('a').up);
  assert.equal(pair.path('a').trouble, null);
});

test('a disk that hangs stalls nothing and collects nothing', () => {
  const pair = new Pair();
  pair.world.run(3000);
  pair.file.hangs = true;
  pair.world.run(500);
  const before = pair.file.accesses;
  pair.world.run(60_000);
  assert.equal(pair.file.accesses, before, 'one access of each node waits, no more begin');
  assert.ok(pair.file.underWayMost <= 2);
  assert.equal(pair.alive.get('a'), 'ab');
  assert.equal(pair.path('a').trouble, '/dev/shared does not answer');
  pair.file.recover();
  pair.world.run(2000);
  assert.ok(pair.path('a').up);
  assert.equal(pair.path('a').trouble, null);
});

test('a restarted heart is believed over the disk alone', () => {
  const pair = new Pair();
  pair.world.run(3000);
  pair.cutNetwork();
  pair.heart('b').close();
  pair.world.run(2000);
  assert.ok(!pair.path('a').up);
  pair.start('b', SETUP);
  pair.world.run(1500);
  assert.ok(pair.path('a').up && pair.path('b').up);
  assert.equal(pair.path('a').dropped.replayed, 0, 'its former slot was no replay');
});

test('a slot put back to what it was keeps nobody alive', () => {
  const pair = new Pair();
  pair.world.run(3000);
  const recorded = [Buffer.from(pair.sector(1))];
  pair.world.run(400);
  recorded.push(Buffer.from(pair.sector(1)));
  pair.world.run(1000);
  pair.cutNetwork();
  pair.heart('b').close();
  for (let round = 0; round < 40; round += 1) {
    recorded[round % 2]?.copy(pair.sector(1));
    pair.world.run(100);
  }
  assert.ok(!pair.path('a').up);
  assert.ok(pair.path('a').dropped.replayed >= 10, `${pair.path('a').dropped.replayed}`);
  assert.ok(pair.heart('a').dropped.replayed >= pair.path('a').dropped.replayed);
});

test('forged, damaged and misplaced slots are dropped and counted once each', () => {
  const pair = new Pair();
  pair.world.run(3000);
  pair.heart('b').close();
  pair.world.run(1000);
  const whole = Buffer.from(pair.sector(1));
  pair.sector(1).fill(7, 100, 200);
  pair.world.run(1000);
  assert.equal(pair.path('a').dropped.malformed, 1);
  pair.sector(0).copy(pair.sector(1));
  pair.world.run(1000);
  assert.equal(pair.path('a').dropped.stranger, 1, 'another node’s slot in its place');
  whole.copy(pair.sector(1));
  pair.start('b', SETUP, Buffer.alloc(32, 8));
  pair.world.run(2000);
  assert.ok(pair.path('a').dropped.forged >= 8, 'a foreign cluster key');
  assert.ok(!pair.path('a').up);
});

test('another disk under the same path is not written to', () => {
  const pair = new Pair();
  pair.world.run(3000);
  const other = 'd2'.repeat(16);
  pair.file.content.fill(0);
  encodeBoardHeader({ diskId: other, clusterId: CLUSTER_ID }).copy(pair.file.content, BOARD_FROM);
  pair.world.run(300);
  pair.file.content.fill(0, slotOffset(0));
  pair.world.run(30_000);
  assert.ok(pair.file.content.subarray(slotOffset(0)).every((byte) => byte === 0));
  assert.match(pair.path('a').trouble ?? '', /another disk than the one that was configured: .* as d2d2/);
  pair.file.content.fill(0);
  pair.world.run(10_000);
  assert.match(pair.path('a').trouble ?? '', /is not a heartbeat disk/);
});

test('a disk comes and goes while the network path keeps its state', () => {
  const pair = new Pair([]);
  pair.world.run(3000);
  for (const name of ['a', 'b']) pair.heart(name).configure(SETUP);
  assert.equal(pair.alive.get('a'), 'ab');
  pair.world.run(1500);
  assert.ok(pair.path('a').up);
  const accesses = (): number => pair.file.accesses;
  for (const name of ['a', 'b']) pair.heart(name).configure({ ...SETUP, disks: [] });
  const before = accesses();
  assert.equal(pair.alive.get('a'), 'ab');
  assert.equal(pair.paths.get('a')?.length, 1);
  pair.world.run(3000);
  assert.ok(accesses() <= before + 1, 'it is left alone');
});

for (const [first, second] of [
  ['a', 'b'],
  ['b', 'a'],
] as const)
  test(`${first} keeps another rhythm long before ${second}, over a disk alone: the path stays up at both ends`, () => {
    const pair = new Pair();
    const tell = (name: string, profile: Profile): void =>
      pair.heart(name).configure({ ...SETUP, profile, rhythmOnDisks: true });
    for (const name of ['a', 'b']) tell(name, 'lan');
    pair.world.run(3000);
    pair.cutNetwork();
    let downs = 0;
    for (const name of ['a', 'b'])
      pair.heart(name).onLiveness((_alive, paths) => {
        if (paths.some(({ kind, up }) => kind === 'disk' && !up)) downs += 1;
      });
    for (const profile of ['wan', 'lan', 'wan'] as const) {
      tell(first, profile);
      pair.world.run(25_000);
      tell(second, profile);
      pair.world.run(25_000);
    }
    assert.equal(downs, 0);
  });
