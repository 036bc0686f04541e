/** What ends the calm in which ticks come more slowly: each thing that only the passing of time decides, one at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCalm } from '../../src/service/calm.ts';
import type { View } from '../../src/service/view.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';

function calm(): View {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  cluster.time.run(2000);
  const { service } = cluster.machine('n1');
  service.refresh();
  return service.view;
}

const view = calm();
const { state } = view;
const db = state.groups['db'];
const n2 = state.members['n2'];
assert(db && n2, 'there is a group, and another node');

const withState = (change: Partial<View['state']>): View => ({ ...view, state: { ...state, ...change } });
const withGroup = (change: Partial<typeof db>): View =>
  withState({ groups: { ...state.groups, db: { ...db, ...change } } });
const without = (name: string): ReadonlySet<string> =>
  new Set([...(view.alive ?? [])].filter((each) => each !== name));

test('a group online, everybody there as the log has it: calm', () => {
  assert.equal(isCalm(view), true);
});

const MOVE = { to: 'n2', reason: 'asked', displaces: false };
const ALONE = { half: 'a', node: 'n1', peer: 'n2', sinceMs: 0, parted: null };
const BUSY: Readonly<Record<string, View>> = {
  'what was committed before this start is not applied yet': { ...view, caughtUp: false },
  'the node is being stopped': { ...view, leaving: true },
  'the heart has not spoken yet': { ...view, alive: undefined },
  'there is no majority': { ...view, leadership: { ...view.leadership, quorate: false } },
  'the log does not know of this start': { ...view, startId: 'another' },
  'this leadership is not in the log yet': {
    ...view,
    leadership: { ...view.leadership, isLeader: true, raftTerm: state.leaderTerm + 1 },
  },
  'the log is moving': withState({ log: { ...state.log, phase: 'moving' } }),
  'a node goes on alone': withState({ alone: ALONE }),
  'it goes on alone, and the log does not say so yet': {
    ...view,
    tie: {
      kind: 'solo',
      votes: true,
      trouble: undefined,
      held: undefined,
      solo: { half: { id: 'a', node: 'n1', groups: 1, atMs: 0, knowsAll: true }, parted: undefined },
    },
  },
  'the profile has just been changed': withState({ settling: {} as typeof state.settling }),
  'a node is being fenced': withState({ fences: { n2: {} as (typeof state.fences)[string] } }),
  'a drill is under way': withGroup({ drill: {} as typeof db.drill }),
  'a node has fallen silent, and the log does not say so yet': { ...view, alive: without('n2') },
  'a node is back, and the log does not say so yet': withState({
    members: { ...state.members, n2: { ...n2, presence: 'lost' } },
  }),
  'the lease of what runs here has lapsed': { ...view, leases: new Map() },
  'a group is starting': withGroup({ phase: 'starting' }),
  'a group is to be stopped': withGroup({ desired: 'stopped' }),
  'a group is to move': withGroup({ move: MOVE }),
  'a group has no owner': withGroup({ owner: null, phase: 'stopped' }),
};

for (const [what, busy] of Object.entries(BUSY))
  test(`${what}: no calm`, () => assert.equal(isCalm(busy), false));

test('a group that nobody looks after, and one that is stopped, disturb nobody', () => {
  assert.equal(isCalm(withGroup({ phase: 'failed', maintenance: true })), true);
  assert.equal(isCalm(withGroup({ owner: null, phase: 'stopped', desired: 'stopped' })), true);
});
