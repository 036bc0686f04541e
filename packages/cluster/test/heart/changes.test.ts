/** Addresses and the profile change while hearts run, on each when it hears of it; nobody is lost by that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heart } from '../../src/heart/heart.ts';
import type { HeartSetup } from '../../src/heart/setup.ts';
import { PROFILES } from '../../src/profiles.ts';
import type { PathStatus } from '../../src/ports.ts';
import type { Profile } from '../../src/state/model.ts';
import { VirtualWorld } from './virtual-world.ts';

type Addresses = Readonly<Record<string, readonly string[]>>;

function membersOf(addresses: Addresses): HeartSetup['members'] {
  return Object.entries(addresses).map(([node, own]) => ({ node, role: 'node', addresses: own }));
}

class Pair {
  readonly world = new VirtualWorld();
  readonly hearts = new Map<string, Heart>();
  readonly paths = new Map<string, readonly PathStatus[]>();
  /** Whoever was not heard, at any moment since it first was. */
  lost: string[] = [];

  constructor(addresses: Addresses) {
    for (const [name, own] of Object.entries(addresses)) this.#start(name, own);
    for (const name of this.hearts.keys()) this.tell(name, addresses);
    this.world.run(3000);
    this.lost = [];
  }

  #start(name: string, addresses: readonly string[]): void {
    const heart = this.startAt(name, addresses);
    heart.onLiveness((alive, paths) => {
      this.paths.set(name, paths);
      for (const other of this.hearts.keys())
        if (!alive.has(other)) this.lost.push(`${name} lost ${other} at ${this.world.nowMs}`);
    });
    this.hearts.set(name, heart);
  }

  startAt(name: string, addresses: readonly string[]): Heart {
    const clusterKey = Buffer.alloc(32, 9);
    const heart = new Heart(this.world.machine(0), {
      node: name,
      life: `${name}-1`,
      clusterKey,
      addresses,
      asksForLeases: true,
    });
    heart.open((error) => assert.equal(error, undefined));
    return heart;
  }

  tell(name: string, addresses: Addresses, profile: Profile = 'lan'): void {
    const setup: HeartSetup = { members: membersOf(addresses), disks: [], profile };
    this.hearts.get(name)?.configure(setup);
  }

  shown(name: string): readonly string[] {
    return (this.paths.get(name) ?? []).map(
      ({ path, up, trouble }) => `${path} ${up ? 'up' : 'down'}${trouble === null ? '' : `: ${trouble}`}`,
    );
  }
}

const ONE: Addresses = { a: ['a.0:7700'], b: ['b.0:7700'] };
const TWO: Addresses = { a: ['a.0:7700', 'a.1:7700'], b: ['b.0:7700', 'b.1:7700'] };
const OTHER: Addresses = { a: ['a.1:7700'], b: ['b.1:7700'] };

test('a path that comes counts once it is heard, and then alone keeps the node', () => {
  const pair = new Pair(ONE);
  pair.tell('a', TWO);
  pair.world.run(700);
  assert.deepEqual(pair.shown('a'), ['udp:a.0:7700-b.0:7700 up', 'udp:a.1:7700-b.1:7700 down']);
  pair.tell('b', TWO);
  pair.world.run(700);
  assert.deepEqual(pair.shown('a'), ['udp:a.0:7700-b.0:7700 up', 'udp:a.1:7700-b.1:7700 up']);
  pair.world.cut = (from) => from.includes('.0:');
  pair.world.run(3000);
  assert.deepEqual(pair.shown('b'), ['udp:b.0:7700-a.0:7700 down', 'udp:b.1:7700-a.1:7700 up']);
  pair.tell('b', OTHER);
  pair.world.run(700);
  pair.tell('a', OTHER);
  pair.world.run(3000);
  assert.deepEqual(pair.shown('a'), ['udp:a.1:7700-b.1:7700 up']);
  assert.equal(pair.lost.join(), '');
});

test('the only path is replaced: what went by it vouches until the new one is heard, and no longer', () => {
  const pair = new Pair(ONE);
  pair.tell('a', OTHER);
  pair.world.run(400);
  pair.tell('b', OTHER);
  pair.world.run(3000);
  assert.equal(pair.lost.join(), '');
  pair.world.cut = (from) => from.includes('a.');
  pair.tell('b', ONE);
  pair.world.run(PROFILES.lan.heart.silenceMs + 100);
  const seen = [...pair.lost].map((line) => line.slice(0, 8));
  assert.deepEqual([...new Set(seen)].toSorted(), ['a lost b', 'b lost a']);
});

test('an address that the machine does not have yet says so, and is used when it comes', () => {
  const pair = new Pair(ONE);
  pair.world.absent.add('a.1:7700');
  for (const name of ['a', 'b']) pair.tell(name, TWO);
  pair.world.run(2000);
  const trouble = 'a.1:7700 is not an address of this machine';
  assert.deepEqual(pair.shown('a'), ['udp:a.0:7700-b.0:7700 up', `udp:a.1:7700-b.1:7700 down: ${trouble}`]);
  pair.world.absent.clear();
  pair.world.run(2000);
  assert.deepEqual(pair.shown('a'), ['udp:a.0:7700-b.0:7700 up', 'udp:a.1:7700-b.1:7700 up']);
  assert.equal(pair.lost.join(), '');
});

for (const [first, second] of [
  ['a', 'b'],
  ['b', 'a'],
] as const)
  test(`${first} hears of the profile seconds before ${second}, there and back, on lossy ways: nobody is lost`, () => {
    const pair = new Pair(ONE);
    let sent = 0;
    pair.world.cut = () => (sent += 1) % 3 === 0;
    for (const profile of ['wan', 'lan', 'wan'] as const) {
      pair.tell(first, ONE, profile);
      pair.world.run(5000);
      pair.tell(second, ONE, profile);
      pair.world.run(30_000);
    }
    assert.equal(pair.lost.join(), '');
    const before = sent;
    pair.world.run(60_000);
    const { beatIntervalMs, leaseIntervalMs } = PROFILES.wan.heart;
    const most = 1.2 * 2 * 60_000 * (1 / beatIntervalMs + 1 / leaseIntervalMs);
    assert.ok(sent - before < most, `${sent - before} datagrams in a minute: the rhythm is slow in the end`);
  });

test('lists that differ in length for long: what is heard counts for the path between whose ends it came', () => {
  const pair = new Pair(TWO);
  pair.world.cut = (from) => from.includes('.0:');
  pair.tell('a', { a: ['10.1.0.1:7700'], b: ['10.1.0.2:7700'] });
  pair.tell('a', { a: ['a.1:7700'], b: ['b.1:7700'] });
  pair.world.run(20_000);
  assert.equal(pair.lost.join(), '');
});

const FIRST: Addresses = { a: ['10.0.0.1:7700'], b: ['10.0.0.2:7700'] };
/** `a` has moved, and `b`, which was away, has not been told. */
const MOVED: Addresses = { a: ['10.9.0.1:7700'], b: ['10.0.0.2:7700'] };

test('a peer that has moved is found by what it says, and no more once it is told', () => {
  const pair = new Pair(MOVED);
  pair.tell('b', FIRST);
  pair.world.run(5000);
  assert.deepEqual(pair.shown('b'), [
    'udp:10.0.0.2:7700-10.0.0.1:7700 down',
    'udp:10.0.0.2:7700-10.9.0.1:7700 up',
  ]);
  assert.deepEqual(pair.shown('a'), ['udp:10.9.0.1:7700-10.0.0.2:7700 up']);
  const remotes = (pair.paths.get('b') ?? []).map(({ remote }) => remote);
  assert.deepEqual(remotes, ['10.0.0.1:7700', '10.9.0.1:7700']);
  pair.tell('b', MOVED);
  pair.world.run(1000);
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.9.0.1:7700 up']);
});

test('a recording that comes from elsewhere makes no path', () => {
  const pair = new Pair(FIRST);
  const recorded = pair.world.sent
    .filter(({ from }) => from === '10.0.0.1:7700')
    .map(({ payload }) => payload);
  pair.world.cut = () => true;
  pair.world.run(3000);
  for (const payload of recorded.slice(-20)) pair.world.inject('10.0.0.2:7700', payload, '10.6.6.6:7700');
  pair.world.run(1000);
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.0.0.1:7700 down']);
  assert.ok(!pair.world.sent.some(({ to }) => to === '10.6.6.6:7700'));
});

/** A machine that was called `a` before, with the cluster key of then; it looks for `b` where `b` is. */
const FORMER: Addresses = { a: ['10.0.0.7:7700'], b: ['10.0.0.2:7700'] };

test('a machine that was removed does not silence the one that has its name now', () => {
  const pair = new Pair(FIRST);
  const former = pair.startAt('a', ['10.0.0.7:7700']);
  former.configure({ members: membersOf(FORMER), disks: [], profile: 'lan' });
  pair.world.run(20_000);
  assert.equal(pair.lost.join(), '');
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.0.0.1:7700 up']);
  const { stranger = 0 } = pair.hearts.get('b')?.dropped ?? {};
  assert.ok(stranger > 50, `${stranger} beats of the other are not believed`);
});

test('… nor seems to be that one while it is silent', () => {
  const pair = new Pair(FIRST);
  pair.world.cut = (from) => from === '10.0.0.1:7700';
  pair.world.run(3000);
  const former = pair.startAt('a', ['10.0.0.7:7700']);
  former.configure({ members: membersOf(FORMER), disks: [], profile: 'lan' });
  pair.lost = [];
  pair.world.run(3000);
  assert.ok(pair.lost.length > 0);
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.0.0.1:7700 down']);
  pair.world.cut = () => false;
  pair.world.run(3000);
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.0.0.1:7700 up']);
});

test('… nor when it was believed before that one was heard where this node was told', () => {
  const pair = new Pair(MOVED);
  pair.tell('b', FIRST);
  pair.world.run(5000);
  assert.match(pair.shown('b')[1] ?? '', /10\.9\.0\.1:7700 up/);
  const told = pair.startAt('a', ['10.0.0.1:7700']);
  told.configure({ members: membersOf(FIRST), disks: [], profile: 'lan' });
  pair.world.run(3000);
  pair.lost = [];
  pair.world.run(20_000);
  assert.ok(!pair.lost.some((line) => line.startsWith('b lost')));
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.0.0.1:7700 up']);
});

test('… nor when it is where this node was told, and the other is told of later', () => {
  const pair = new Pair(MOVED);
  pair.tell('b', FIRST);
  pair.world.run(5000);
  const former = pair.startAt('a', ['10.0.0.1:7700']);
  former.configure({ members: membersOf(FIRST), disks: [], profile: 'lan' });
  pair.world.run(3000);
  assert.equal(pair.shown('b')[0], 'udp:10.0.0.2:7700-10.0.0.1:7700 up');
  pair.tell('b', MOVED);
  pair.world.run(3000);
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.9.0.1:7700 up']);
});

test('… nor when neither is where this node was told: who was found first stays while it is heard', () => {
  const pair = new Pair(MOVED);
  pair.tell('b', FIRST);
  pair.world.run(5000);
  pair.lost = [];
  const former = pair.startAt('a', ['10.0.0.7:7700']);
  former.configure({ members: membersOf(FORMER), disks: [], profile: 'lan' });
  pair.world.run(5000);
  assert.equal(pair.lost.join(), '');
  pair.world.cut = (from) => from === '10.9.0.1:7700';
  pair.world.run(3000);
  pair.world.cut = () => false;
  pair.tell('b', MOVED);
  pair.world.run(3000);
  assert.deepEqual(pair.shown('b'), ['udp:10.0.0.2:7700-10.9.0.1:7700 up']);
});
