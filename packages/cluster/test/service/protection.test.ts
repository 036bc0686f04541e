import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Members } from '../../src/raft/members.ts';
import { memberIdOf } from '../../src/raft/types.ts';
import { rehearse } from '../../src/service/leader/rehearsal.ts';
import { protectedGroups } from '../../src/service/protection.ts';
import type { View } from '../../src/service/view.ts';
import type { GroupSpec } from '../../src/state/model.ts';
import { NO_RULES } from '../../src/state/model.ts';
import { FakeCluster, group } from './fake-cluster.ts';

const NODES = ['n1', 'n2', 'n3', 'n4'];
const only = (name: string, nodes: readonly string[], rest: Partial<GroupSpec> = {}): GroupSpec => ({
  ...group(name, nodes),
  ...rest,
});

function viewOf(groups: readonly GroupSpec[], made = new FakeCluster(NODES)): View {
  const changes = NODES.map((name) => ({ kind: 'node-put' as const, name, capacity: { seats: 1 } }));
  made.submit({ kind: 'configure', revision: made.state().revision, changes, atMs: 0 });
  made.configure([], groups);
  made.time.run(3000);
  const { service } = made.machine('n4');
  service.refresh();
  return service.view;
}

/** With every group looked at, whatever it depends on. */
function byWholeRehearsals(view: View): readonly string[] {
  const owners = new Set(Object.values(view.state.groups).map(({ owner }) => owner));
  return [...owners].flatMap((owner) => {
    const alive = new Set([...(view.alive ?? [])].filter((name) => name !== owner));
    const { moves } = rehearse(view, { alive, failback: false });
    return moves.filter(({ from, to }) => from === owner && to !== null).map((move) => move.group.spec.name);
  });
}

const SEAT = { demand: { seats: 1 } };
const CASES: Readonly<Record<string, readonly GroupSpec[]>> = {
  'groups that nothing binds': [
    only('a', NODES),
    only('b', ['n2', 'n1']),
    only('c', ['n3']),
    only('d', ['n2']),
  ],
  'a group that keeps apart from one that would come': [
    only('a', ['n1', 'n2']),
    only('b', ['n2']),
    only('c', ['n1', 'n2'], { rules: { ...NO_RULES, apart: ['b'] } }),
  ],
  'a group that follows another': [
    only('a', ['n1', 'n2']),
    only('b', ['n1', 'n2', 'n3'], { rules: { ...NO_RULES, with: ['a'] } }),
    only('c', ['n3']),
  ],
  'more demand than the others have room for': [
    only('a', ['n1', 'n2'], SEAT),
    only('b', ['n2', 'n1'], SEAT),
    only('c', ['n3', 'n4'], SEAT),
  ],
};

for (const [name, groups] of Object.entries(CASES))
  test(`${name}: protected is what a rehearsal of everything says`, () => {
    const view = viewOf(groups);
    const expected = byWholeRehearsals(view);
    assert.deepEqual([...protectedGroups(view)].toSorted(), expected.toSorted());
    assert.ok(expected.length > 0 && expected.length < groups.length);
  });

test('the answer is kept while nothing of what it depends on changes', () => {
  const made = new FakeCluster(NODES);
  const view = viewOf([only('a', ['n1', 'n2'])], made);
  const first = protectedGroups(view);
  assert.deepEqual([...first], ['a']);
  assert.equal(protectedGroups({ ...view, now: { bootMs: 1e9, wallMs: 1e9 } }), first);
  assert.deepEqual([...protectedGroups({ ...view, alive: new Set(['n1', 'n3', 'n4']) })], []);
  const voters = (count: number): Members =>
    Object.values(view.state.members).map(({ name, voterId }, index) => ({
      id: memberIdOf(name, voterId),
      role: index < count ? 'voter' : 'learner',
    }));
  assert.deepEqual([...protectedGroups({ ...view, logMembers: voters(2) })], []);
  assert.deepEqual([...protectedGroups({ ...view, logMembers: voters(4) })], ['a'], 'they vote by now');
  made.submit({ kind: 'node-mode', name: 'n2', mode: 'standby', atMs: 0 });
  assert.deepEqual([...protectedGroups(view)], []);
});
