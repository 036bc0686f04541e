import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heart } from '../../src/heart/heart.ts';
import type { MemberAddress } from '../../src/node/identity.ts';
import type { LeaseRequest, PathStatus } from '../../src/ports.ts';
import { VirtualWorld } from './virtual-world.ts';

const clusterKey = Buffer.alloc(32, 9);
const SKEW_MS: Record<string, number> = { a: 0, b: 5_000_000, c: -900_000 };

function member(node: string, paths: number): MemberAddress {
  const addresses = Array.from({ length: paths }, (_, path) => `${node}.${path}:7700`);
  return { node, role: 'node', addresses };
}

class Cluster {
  readonly world = new VirtualWorld();
  readonly members: readonly MemberAddress[];
  readonly hearts = new Map<string, Heart>();
  readonly alive = new Map<string, ReadonlySet<string>>();
  readonly paths = new Map<string, readonly PathStatus[]>();
  readonly requests: LeaseRequest[] = [];

  constructor(paths: number, names: readonly string[] = ['a', 'b', 'c']) {
    this.members = names.map((name) => member(name, paths));
    for (const name of names) this.start(name);
  }

  start(name: string, key = clusterKey): Heart {
    const { addresses } = this.members.find(({ node }) => node === name) ?? assert.fail();
    const heart = new Heart(this.world.machine(SKEW_MS[name] ?? 0), {
      node: name,
      life: `${name}-1`,
      clusterKey: key,
      addresses,
      asksForLeases: true,
    });
    heart.onLiveness((alive, paths) => {
      this.alive.set(name, alive);
      this.paths.set(name, paths);
    });
    heart.open((error) => assert.equal(error, undefined));
    heart.configure({ members: this.members, disks: [] });
    this.hearts.set(name, heart);
    return heart;
  }

  heart(name: string): Heart {
    return this.hearts.get(name) ?? assert.fail(name);
  }

  seenBy(name: string): string {
    return [...(this.alive.get(name) ?? [])].sort().join('');
  }

  /** `name` grants every request `db` for 650 ms, as a leader would. */
  lead(name: string, log?: LeaseRequest[]): void {
    this.heart(name).onLeaseRequest((request) => {
      log?.push(request);
      const groups = [{ group: 'db', epoch: 1, volumes: ['v'] }];
      this.heart(name).grant({ request, durationMs: 650, graceMs: 800, groups });
    });
  }

  leaseLeftMs(name: string): number {
    const lease = this.heart(name).leases.get('db');
    return lease === undefined ? 0 : lease.validUntilBootMs - (this.world.nowMs + (SKEW_MS[name] ?? 0));
  }
}

const host = (address: string): string => address.split('.')[0] ?? '';

test('hearts find each other within two beats, whatever their clocks say', () => {
  const cluster = new Cluster(1);
  cluster.world.run(250);
  for (const name of ['a', 'b', 'c']) assert.equal(cluster.seenBy(name), 'abc');
  cluster.world.run(5000);
  const [path] = cluster.paths.get('a') ?? [];
  assert.equal(path?.lossPercent, 0);
  assert.ok(Math.abs((path?.latencyMs ?? 0) - 2) < 0.1, `round trip ${path?.latencyMs}`);
});

test('a node is lost after one second of silence, not before', () => {
  const cluster = new Cluster(1);
  cluster.world.run(2000);
  cluster.heart('c').close();
  cluster.world.run(790);
  assert.equal(cluster.seenBy('a'), 'abc');
  cluster.world.run(270);
  assert.equal(cluster.seenBy('a'), 'ab');
});

test('one of two paths cut: the path is down, the node lives', () => {
  const cluster = new Cluster(2);
  cluster.world.run(2000);
  cluster.world.cut = (from) => from.includes('.1:');
  cluster.world.run(1500);
  assert.equal(cluster.seenBy('a'), 'abc');
  const down = (cluster.paths.get('a') ?? []).filter(({ up }) => !up);
  assert.deepEqual(
    down.map(({ path, lossPercent, latencyMs }) => [path, lossPercent, latencyMs]),
    [
      ['udp:a.1:7700-b.1:7700', 100, null],
      ['udp:a.1:7700-c.1:7700', 100, null],
    ],
  );
});

test('a path that works one way only is down on both ends', () => {
  const cluster = new Cluster(1, ['a', 'b']);
  cluster.world.run(2000);
  cluster.world.cut = (from) => host(from) === 'a';
  cluster.world.run(2100);
  assert.equal(cluster.seenBy('a'), 'a');
  assert.equal(cluster.seenBy('b'), 'b');
});

test('loss is counted', () => {
  const cluster = new Cluster(1, ['a', 'b']);
  let count = 0;
  cluster.world.cut = (from) => host(from) === 'b' && count++ % 4 === 0;
  cluster.world.run(20_000);
  const loss = cluster.paths.get('a')?.[0]?.lossPercent ?? 0;
  assert.ok(loss > 15 && loss < 35, `${loss} %`);
});

test('a restarted heart is believed at once; its past self is not', () => {
  const cluster = new Cluster(1, ['a', 'b']);
  cluster.world.run(3000);
  cluster.heart('b').close();
  const recorded = cluster.world.sent.filter(({ from }) => host(from) === 'b');
  cluster.lead('a', cluster.requests);
  cluster.start('b');
  cluster.world.run(20);
  assert.equal(cluster.seenBy('b'), 'ab');
  assert.ok(
    cluster.requests.some(({ node }) => node === 'b'),
    'its lease requests are heard',
  );
  cluster.heart('b').close();
  for (let round = 0; round < 20; round += 1) {
    for (const { to, payload } of recorded) cluster.world.inject(to, payload);
    cluster.world.run(100);
  }
  assert.equal(cluster.seenBy('a'), 'a', 'a recording keeps nobody alive');
});

test('a recording cannot make a heart flood its peer', () => {
  const cluster = new Cluster(1, ['a', 'b']);
  cluster.world.run(3000);
  const recorded = cluster.world.sent.filter(({ from }) => host(from) === 'b');
  cluster.heart('a').close();
  cluster.start('a');
  const before = cluster.world.sent.length;
  for (let round = 0; round < 100; round += 1)
    for (const { to, payload } of recorded) cluster.world.inject(to, payload);
  assert.ok(cluster.world.sent.length - before <= 1);
});

test('a foreign key is a stranger', () => {
  const cluster = new Cluster(1, ['a', 'b']);
  cluster.heart('b').close();
  cluster.start('b', Buffer.alloc(32, 8));
  cluster.world.run(3000);
  assert.equal(cluster.seenBy('a'), 'a');
  assert.ok(cluster.heart('a').dropped.forged > 10);
});

test('leases flow from the leader to everybody, itself included, and lapse without it', () => {
  const cluster = new Cluster(2);
  cluster.lead('a');
  cluster.world.run(2000);
  for (const name of ['a', 'b', 'c']) {
    const left = cluster.leaseLeftMs(name);
    assert.ok(left > 450 && left <= 650, `${name}: ${left} ms`);
  }
  cluster.heart('a').close();
  cluster.world.run(700);
  assert.ok(cluster.leaseLeftMs('b') <= 0);
});

test('a delayed grant gives no more time than its request', () => {
  const cluster = new Cluster(1, ['a', 'b']);
  cluster.lead('a');
  cluster.world.latencyMs = 300;
  cluster.world.run(5000);
  assert.ok(cluster.leaseLeftMs('b') <= 50, `${cluster.leaseLeftMs('b')} ms`);
});

test('only the leader is asked while it grants; everybody when it falls silent', () => {
  const cluster = new Cluster(1);
  cluster.lead('a');
  cluster.world.run(2000);
  const seen: string[] = [];
  for (const name of ['a', 'c'])
    cluster.heart(name).onLeaseRequest(({ node }) => node === 'b' && seen.push(name));
  cluster.world.run(1000);
  assert.ok(seen.includes('a') && !seen.includes('c'));
  cluster.heart('a').close();
  cluster.world.run(500);
  assert.ok(seen.includes('c'));
});

test('a member that leaves is forgotten, one that comes is found', () => {
  const cluster = new Cluster(1);
  cluster.world.run(1000);
  const without = cluster.members.filter(({ node }) => node !== 'c');
  cluster.heart('a').configure({ members: without, disks: [] });
  assert.equal(cluster.seenBy('a'), 'ab');
  cluster.world.run(1500);
  assert.equal(cluster.seenBy('c'), 'bc');
  cluster.heart('a').configure({ members: cluster.members, disks: [] });
  cluster.world.run(500);
  assert.equal(cluster.seenBy('a'), 'abc');
  assert.equal(cluster.seenBy('c'), 'abc');
});

test('what is not believed is counted by reason, in sum and for the path it seems to come by', () => {
  const cluster = new Cluster(1);
  cluster.world.run(2000);
  const [heart, b] = [cluster.heart('a'), 'b.0:7700'];
  // Two hearts that start at once take one another's first beats for recordings.
  const before = heart.dropped.replayed;
  const beforeOfB = cluster.paths.get('a')?.find(({ peer }) => peer === 'b')?.dropped.replayed ?? 0;
  const to = 'a.0:7700';
  const beat =
    cluster.world.sent.findLast((sent) => sent.from === b && sent.to === to)?.payload ?? assert.fail();
  const forC =
    cluster.world.sent.findLast((sent) => sent.from === b && sent.to !== to)?.payload ?? assert.fail();
  const flipped = Buffer.from(beat);
  flipped.writeUInt8(flipped.readUInt8(50) ^ 1, 50);
  for (const [payload, times] of [
    [beat.subarray(0, 40), 1],
    [Buffer.alloc(1025), 1],
    [beat.subarray(0, -1), 1],
    [flipped, 2],
    [beat, 3],
    [forC, 4],
  ] as const)
    for (let time = 0; time < times; time += 1) cluster.world.inject(to, payload, b);
  cluster.world.inject(to, flipped, 'elsewhere:1');
  const expected = { malformed: 2, forged: 3, version: 0, foreign: 4, stranger: 0, replayed: 3, parted: 0 };
  cluster.world.run(1000);
  const paths = cluster.paths.get('a') ?? [];
  assert.deepEqual(paths.find(({ peer }) => peer === 'b')?.dropped, {
    ...expected,
    replayed: beforeOfB + 3,
  });
  assert.equal(paths.find(({ peer }) => peer === 'c')?.dropped.forged, 0);
  assert.deepEqual(heart.dropped, { ...expected, forged: 4, replayed: before + 3 });
  assert.equal(cluster.seenBy('a'), 'abc', 'and harms nobody');
  heart.configure({ members: cluster.members.filter(({ node }) => node !== 'c'), disks: [] });
  cluster.world.run(1000);
  assert.ok(heart.dropped.stranger >= 5, 'a node that was removed and beats on');
  assert.equal(cluster.seenBy('a'), 'ab');
});
