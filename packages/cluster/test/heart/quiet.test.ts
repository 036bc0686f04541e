import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heart } from '../../src/heart/heart.ts';
import { isQuiet, QUIET_MEMBERS_MIN } from '../../src/heart/quiet.ts';
import { PROFILES } from '../../src/profiles.ts';
import { aliveBy } from '../../src/service/alive.ts';
import { heartSetup } from '../../src/service/heart-setup.ts';
import { LEVELS } from '../../src/state/levels.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { member } from '../service/fake-cluster.ts';
import { after, foundedState, seenBy } from '../state/founded.ts';
import { VirtualWorld } from './virtual-world.ts';

const { silenceMs, beatIntervalMs } = PROFILES.lan.heart;
const NAMES = Array.from({ length: QUIET_MEMBERS_MIN }, (_, index) => `m${index}`);
const [FIRST = '', SECOND = '', THIRD = '', FOURTH = ''] = NAMES;
/** A slow beat. */
const RATE_MS = 2400;
const hostOf = (address: string): string => address.split('.')[0] ?? '';

/** A large cluster whose hearts believe whoever grants. */
class Large {
  readonly world = new VirtualWorld();
  readonly alive = new Map<string, ReadonlySet<string>>();
  readonly #hearts = new Map<string, Heart>();
  /** Cut off from everybody. */
  readonly lost = new Set<string>();
  #leader = FIRST;

  constructor(quiet = true) {
    const members = NAMES.map((node) => ({ node, role: 'node' as const, addresses: [`${node}.0:7700`] }));
    this.world.cut = (from, to) => this.lost.has(hostOf(from)) || this.lost.has(hostOf(to));
    for (const node of NAMES) {
      const options = {
        node,
        life: `${node}-1`,
        clusterKey: Buffer.alloc(32, 9),
        addresses: [`${node}.0:7700`],
      };
      const heart = new Heart(this.world.machine(0), { ...options, asksForLeases: true });
      heart.onLiveness((alive) => this.alive.set(node, alive));
      heart.onLeaseRequest((request) => {
        if (node !== this.#leader || this.lost.has(node)) return;
        heart.grant({ request, durationMs: 650, graceMs: 800, groups: [] });
      });
      heart.open((error) => assert.equal(error, undefined));
      heart.configure({ members, disks: [], quiet });
      this.#hearts.set(node, heart);
    }
  }

  lead(name: string): void {
    this.#leader = name;
  }

  /** Datagrams a second from one to another. */
  rates(): (from: string, to: string) => number {
    const before = this.world.sent.length;
    this.world.run(RATE_MS);
    const sent = this.world.sent.slice(before);
    const isOf = (from: string, to: string) => (one: (typeof sent)[number]) =>
      hostOf(one.from) === from && hostOf(one.to) === to;
    return (from, to) => (sent.filter(isOf(from, to)).length * 1000) / RATE_MS;
  }

  sees(node: string, other: string): boolean {
    return this.alive.get(node)?.has(other) ?? false;
  }

  /** How long until `condition`. */
  until(condition: () => boolean, limitMs: number): number {
    const startMs = this.world.nowMs;
    while (!condition()) {
      this.world.run(10);
      assert.ok(this.world.nowMs - startMs <= limitMs, `not within ${limitMs} ms`);
    }
    return this.world.nowMs - startMs;
  }
}

test('in a large cluster nodes beat fast to the leader and it to them, and slowly to each other', () => {
  const large = new Large();
  large.world.run(3000);
  const fast = 1000 / beatIntervalMs;
  const rates = large.rates();
  assert.equal(rates(SECOND, THIRD), 1000 / RATE_MS);
  assert.ok(rates(FIRST, SECOND) >= fast);
  assert.ok(rates(SECOND, FIRST) >= fast);
  for (const name of NAMES) assert.equal(large.alive.get(name)?.size, NAMES.length, name);
});

test('and everybody to everybody fast while it is not said to be large; without a leader all are asked, but not all the time', () => {
  const small = new Large(false);
  small.world.run(3000);
  assert.equal(small.rates()(SECOND, THIRD), 1000 / beatIntervalMs);
  const large = new Large();
  large.world.run(3000);
  large.lead('');
  large.world.run(silenceMs + beatIntervalMs);
  const rates = large.rates();
  const { leaseIntervalMs } = PROFILES.lan.heart;
  assert.ok(rates(SECOND, THIRD) <= 1 + 1 + 1000 / leaseIntervalMs / 3, `${rates(SECOND, THIRD)} a second`);
  assert.ok(rates(SECOND, FIRST) > rates(SECOND, THIRD));
});

test('the leader misses a lost node as early as ever, and everybody the leader', () => {
  const large = new Large();
  large.world.run(3000);
  large.lost.add(THIRD);
  assert.ok(large.until(() => !large.sees(FIRST, THIRD), silenceMs + beatIntervalMs) > silenceMs / 2);
  large.world.run(1000);
  large.lost.add(FIRST);
  large.until(() => NAMES.every((name) => large.lost.has(name) || !large.sees(name, FIRST)), 1500);
});

test('nobody is missed on the way to the slower rhythm, nor for one lost beat', () => {
  const large = new Large();
  let droppedMs = Number.POSITIVE_INFINITY;
  large.world.cut = (from, to) => {
    const isIt = hostOf(from) === SECOND && hostOf(to) === THIRD && large.world.nowMs >= droppedMs;
    if (isIt) droppedMs = large.world.nowMs + 2 * RATE_MS + 100;
    return isIt;
  };
  large.world.run(400);
  droppedMs = large.world.nowMs;
  for (let step = 0; step < 80; step += 1) {
    large.world.run(200);
    assert.ok(large.sees(THIRD, SECOND), `after ${step} steps`);
  }
});

test('a new leader misses within two silences and a beat who was lost together with the old one', () => {
  const large = new Large();
  large.world.run(3000);
  for (const name of [FIRST, FOURTH]) large.lost.add(name);
  large.world.run(1000);
  large.lead(SECOND);
  large.until(() => !large.sees(SECOND, FOURTH), 2 * silenceMs + 2 * beatIntervalMs + 500);
  large.world.run(2000);
  for (const name of NAMES.filter((other) => !large.lost.has(other)))
    assert.ok(large.sees(SECOND, name), `${SECOND} hears ${name}`);
});

/** With so many members. */
function clusterOf(count: number): ClusterState {
  const added = NAMES.slice(0, count - 3).map((name) => ({
    kind: 'member-add' as const,
    member: member(name),
    atMs: 0,
  }));
  return { ...after(foundedState(), ...added), level: LEVELS.program };
}

test('a cluster is large from nine members on, in the profile of one site and without heartbeat disks', () => {
  const nine = clusterOf(QUIET_MEMBERS_MIN);
  assert.equal(isQuiet(nine), true);
  assert.equal(heartSetup(seenBy(nine, 'n1'))?.quiet, true);
  assert.equal(isQuiet(clusterOf(QUIET_MEMBERS_MIN - 1)), false);
  assert.equal(isQuiet({ ...nine, level: 1 }), false);
  assert.equal(isQuiet({ ...nine, config: { ...nine.config, profile: 'wan' } }), false);
  const heartbeatDisks = [{ id: 'd', device: '/dev/d' }];
  assert.equal(isQuiet({ ...nine, config: { ...nine.config, heartbeatDisks } }), false);
});

test('who follows a large cluster’s leader believes the log of who is lost, the leader what it hears', () => {
  const lost = {
    kind: 'node-presence' as const,
    name: 'n2',
    presence: 'lost' as const,
    leaderTerm: 1,
    atMs: 0,
  };
  const heard = new Set(['n1', 'n2']);
  const seen = (count: number, isLeader: boolean): readonly string[] => {
    const lead = { kind: 'lead' as const, node: 'n1', leaderTerm: 1, atMs: 0 };
    const state = after(clusterOf(count), lead, lost);
    assert.equal(state.members['n2']?.presence, 'lost');
    const leadership = { isLeader, leader: 'n1', raftTerm: 1, authorityUntilBootMs: 0, quorate: true };
    return [...(aliveBy(heard, { state, leadership, tie: undefined }) ?? [])];
  };
  assert.deepEqual(seen(QUIET_MEMBERS_MIN, false), ['n1']);
  assert.deepEqual(seen(QUIET_MEMBERS_MIN, true), ['n1', 'n2']);
  assert.deepEqual(seen(QUIET_MEMBERS_MIN - 1, false), ['n1', 'n2']);
});
