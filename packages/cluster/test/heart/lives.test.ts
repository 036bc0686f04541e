/** Machines of one name: one is a member, another was, and both have the cluster's key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heart } from '../../src/heart/heart.ts';
import type { HeartMember } from '../../src/heart/setup.ts';
import { DISK_ID, SharedFile } from './shared-file.ts';
import { VirtualWorld } from './virtual-world.ts';

type Lives = Readonly<Record<string, string>>;

const FORMER: Lives = { a: 'a-1', b: 'b-1' };
const PRESENT: Lives = { a: 'a-1', b: 'b-2' };

/** `lives` undefined: nobody has told. */
function membersOf(lives: Lives | undefined): readonly HeartMember[] {
  return ['a', 'b'].map((node, slot) => ({
    node,
    role: 'node',
    addresses: [`${node}.0:7700`],
    slot,
    life: lives?.[node] ?? null,
  }));
}

class Two {
  readonly world = new VirtualWorld();
  readonly file = new SharedFile(this.world);
  readonly a: Heart;
  /** What `a` hears of the other by messages, and sees on the disk. */
  isHeard = false;
  isSeen = false;
  requests = 0;
  timesLost = 0;

  constructor(lives: Lives | undefined) {
    this.a = this.start('a', 'a-1', lives);
    this.a.onLiveness((alive, paths) => {
      if (this.isHeard && !alive.has('b')) this.timesLost += 1;
      this.isHeard = alive.has('b');
      this.isSeen = paths.some(({ kind, up }) => kind === 'disk' && up);
    });
    this.a.onLeaseRequest(({ node }) => node === 'b' && (this.requests += 1));
  }

  start(node: string, life: string, lives: Lives | undefined): Heart {
    const heart = new Heart(this.world.machine(0), {
      node,
      life,
      clusterKey: Buffer.alloc(32, 9),
      addresses: [`${node}.0:7700`],
      asksForLeases: true,
      disks: this.file.disks(),
    });
    heart.open((error) => assert.equal(error, undefined));
    this.tell(heart, lives);
    return heart;
  }

  tell(heart: Heart, lives: Lives | undefined): void {
    heart.configure({ members: membersOf(lives), disks: [{ id: DISK_ID, device: '/dev/shared' }] });
  }

  /** So far from now on. */
  run(durationMs: number): void {
    this.requests = 0;
    this.timesLost = 0;
    this.world.run(durationMs);
  }
}

for (const [told, lives] of [
  ['which member it was', FORMER],
  ['nothing of lives', undefined],
] as const)
  test(`whoever was removed, and was told ${told}, is not heard in the place of its successor, at the same address, with the same key`, () => {
    const two = new Two(PRESENT);
    const successor = two.start('b', 'b-2', PRESENT);
    two.run(3000);
    assert.ok(two.isHeard && two.isSeen && two.requests > 0);
    successor.close();
    two.run(3000);
    assert.ok(!two.isHeard && !two.isSeen);
    const former = two.start('b', 'b-1', lives);
    two.run(10_000);
    assert.ok(!two.isHeard, 'no message of it is believed');
    assert.ok(!two.isSeen, 'no slot either');
    assert.equal(two.requests, 0, 'nobody grants it a lease in that name');
    assert.ok(two.a.dropped.stranger > 0);
    former.close();
    two.start('b', 'b-2', PRESENT);
    two.run(3000);
    assert.ok(two.isHeard && two.isSeen && two.requests > 0);
  });

test('whoever takes the place of a member is heard at once, and the former no more', () => {
  const two = new Two(FORMER);
  const former = two.start('b', 'b-1', FORMER);
  two.run(3000);
  assert.ok(two.isHeard);
  two.tell(two.a, PRESENT);
  two.run(3000);
  assert.ok(!two.isHeard && !two.isSeen);
  former.close();
  two.start('b', 'b-2', PRESENT);
  two.run(1000);
  assert.ok(two.isHeard);
});

test('nobody is lost when hearts begin to say lives, also where a service tells it late', () => {
  const two = new Two(undefined);
  two.start('b', 'b-1', undefined);
  two.run(3000);
  assert.ok(two.isHeard && two.isSeen);
  two.tell(two.a, FORMER);
  two.run(10_000);
  assert.equal(two.timesLost, 0, 'b has heard that lives are said');
  assert.ok(two.isHeard && two.isSeen && two.requests > 50);
});

test('a heart that is started anew without what it had been told says its life as soon as it hears one', () => {
  const two = new Two(FORMER);
  two.start('b', 'b-1', FORMER).close();
  two.start('b', 'b-1', undefined);
  two.run(1000);
  assert.ok(two.isHeard);
});
