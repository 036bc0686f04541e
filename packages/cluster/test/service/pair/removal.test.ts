/** While a node goes on alone the other, which may be a half of its own, is not removed without a word that it is off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_DROPS } from '../../../src/heart/drops.ts';
import { removalRefusal } from '../../../src/service/pair/removal.ts';
import { LiveFacade } from '../../../src/service/service-facade.ts';
import type { TieView } from '../../../src/service/view.ts';
import type { PathStatus } from '../../../src/ports.ts';
import type { ClusterState } from '../../../src/state/model.ts';
import { after, runningState } from '../../state/founded.ts';
import { FakeCluster } from '../fake-cluster.ts';
import { FakePair } from '../fake-pair.ts';
import { settle } from '../settle.ts';

const whole: ClusterState = { ...runningState(), level: 4 };
const { leaderTerm } = whole;
const alone = after(whole, { kind: 'alone', half: 'h1', node: 'n1', peer: 'n2', leaderTerm, atMs: 7 });
const half = { id: 'h1', node: 'n1', groups: 1, atMs: 7, knowsAll: true };
const tie: TieView = {
  kind: 'solo',
  votes: true,
  trouble: undefined,
  held: { peer: 'n2#1', how: 'silence', knowsAll: true },
  solo: { half, parted: undefined },
};

function pathTo(peer: string, up: boolean): PathStatus {
  const path = {
    peer,
    kind: 'udp',
    path: 'udp',
    up,
    lossPercent: 0,
    latencyMs: null,
    ageMs: null,
    dropped: NO_DROPS,
  } as const;
  return { ...path, trouble: null };
}

test('the other is removed when an operator says that it is off, and not before', () => {
  const view = { state: alone, tie, paths: [pathTo('n2', false)] };
  const refusal = removalRefusal(view, 'n2', false);
  assert.equal(refusal?.code, 'refused');
  assert.match(refusal.message, /n2 is not heard, and may have gone on alone as n1 has/);
  assert.match(refusal.hint ?? '', /eterne node remove n2 --confirm-stopped/);
  assert.equal(removalRefusal(view, 'n2', true), undefined);
});

test('no word counts against a node that is heard', () => {
  const view = { state: alone, tie, paths: [pathTo('n2', false), pathTo('n2', true)] };
  for (const word of [false, true])
    assert.match(removalRefusal(view, 'n2', word)?.message ?? '', /n2 runs, and does not follow n1 yet/);
});

test('who goes on alone is not removed, nor anybody before its log says so', () => {
  const paths = [pathTo('n2', false)];
  assert.match(removalRefusal({ state: alone, tie, paths }, 'n1', true)?.message ?? '', /n1 goes on alone/);
  assert.equal(removalRefusal({ state: whole, tie, paths }, 'n2', true)?.code, 'busy');
});

test('anybody else goes at once, and so does the other once the pair is whole', () => {
  const paths = [pathTo('n2', false), pathTo('w1', false)];
  assert.equal(removalRefusal({ state: alone, tie, paths }, 'w1', false), undefined);
  const again = after(alone, { kind: 'whole', half: 'h1', leaderTerm, atMs: 8 });
  assert.equal(removalRefusal({ state: again, tie: undefined, paths }, 'n2', false), undefined);
});

/** n1 goes on alone as long as it has the tie-breaker. */
class Alone extends FakePair {
  tie: TieView | undefined = tie;

  override get holder(): string {
    return 'n1';
  }

  override tieOf(name: string): TieView | undefined {
    return name === 'n1' ? this.tie : undefined;
  }

  override look(): void {}
}

test('the word is in the timeline, and so is that the pair is none any more', async () => {
  const cluster = new FakeCluster(['n1', 'n2']);
  cluster.powerOff('n2');
  const pair = new Alone(cluster);
  cluster.pair = pair;
  cluster.time.run(3000);
  assert.equal(cluster.state('n1').alone?.peer, 'n2');
  const world = { clock: cluster.time, timers: cluster.time };
  const facade = new LiveFacade(cluster.machine('n1').service, world);
  await assert.rejects(settle(cluster, facade.nodeRemove('n2', false, 'me')), /may have gone on alone/);
  assert.ok(cluster.state('n1').members['n2']);
  cluster.machine('n1').heart.tellAlive(new Set(['n1']), [pathTo('n2', true)]);
  await assert.rejects(settle(cluster, facade.nodeConfirmStopped('n2', false, 'me')), /n2 is heard/);
  cluster.machine('n1').heart.tellAlive(new Set(['n1']), [pathTo('n2', false)]);
  await settle(cluster, facade.nodeRemove('n2', true, 'me'));
  assert.equal(cluster.state('n1').members['n2'], undefined);
  pair.tie = undefined;
  cluster.time.run(1000);
  assert.deepEqual(
    cluster
      .state('n1')
      .events.slice(-3)
      .map(({ message }) => message),
    [
      'n2 is certain to be stopped: me says so',
      'n2 removed',
      'n1 goes on without n2, which is no member any more',
    ],
  );
});
