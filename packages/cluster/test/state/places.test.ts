/** Where members are changes while they run: what is refused, what the plan says, and what a document without it leaves alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseDocument } from '../../src/service/config/document.ts';
import { configureCommand, planDocument } from '../../src/service/config/plan.ts';
import { showDocument } from '../../src/service/config/show.ts';
import { apply } from '../../src/state/apply.ts';
import { decodeCommand, decodeState, encodeCommand, encodeState } from '../../src/state/codec.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { PLACES_LEVEL } from '../../src/state/levels.ts';
import { waysBetween } from '../../src/state/places.ts';
import { after, foundedState } from './founded.ts';

type Places = Readonly<Record<string, readonly string[]>>;

function documentOf(places: Places): unknown {
  return { nodes: Object.entries(places).map(([name, addresses]) => ({ name, addresses })) };
}

function applied(state: ClusterState, ...steps: readonly Places[]): ClusterState {
  return steps.reduce((current, places) => {
    const plan = planDocument(current, parseDocument(documentOf(places)));
    const command = configureCommand(current, plan, { atMs: 0 });
    const outcome = apply(current, decodeCommand(encodeCommand(command, current.level), current.level));
    assert.equal(outcome.refused, undefined);
    return outcome.state;
  }, state);
}

function sentencesOf(state: ClusterState, document: unknown): string {
  return planDocument(state, parseDocument(document))
    .steps.map(({ sentence }) => sentence)
    .join('\n');
}

const refusedWith =
  (pattern: RegExp, code = 'config') =>
  (error: unknown): boolean =>
    error instanceof EterneError && error.code === code && pattern.test(error.message);

/** All members on `first` and `second`. */
function onTwo(): ClusterState {
  const added = (name: string): Places => ({ [name]: [name, `${name}-second`] });
  return applied(foundedState(), added('n1'), added('n2'), added('w1'));
}

test('the shorter list of addresses is gone through again', () => {
  assert.deepEqual(waysBetween(['a', 'b', 'c'], ['x', 'y']), [
    { local: 'a', remote: 'x' },
    { local: 'b', remote: 'y' },
    { local: 'c', remote: 'x' },
  ]);
});

test('addresses are added, then the old ones taken away, one member after the other or all at once', () => {
  const two = onTwo();
  assert.deepEqual(two.members['n1']?.addresses, ['n1:7700', 'n1-second:7700']);
  const all = applied(two, { n1: ['n1-second'], n2: ['n2-second'], w1: ['w1-second'] });
  assert.deepEqual(all.members['w1']?.addresses, ['w1-second:7700']);
  assert.equal(all.events.at(-1)?.code, 'node.addresses');
  assert.equal(all.events.at(-1)?.message, 'w1 is at w1-second:7700 now, its API at w1:8443');
  assert.deepEqual(decodeState(encodeState(all)), all);
});

test('what would leave two members nothing of what joins them now is refused, with the order that works', () => {
  const wants: [ClusterState, Places][] = [
    [foundedState(), { n1: ['elsewhere'] }],
    [onTwo(), { n1: ['n1-third'] }],
    [onTwo(), { n1: ['n1'], n2: ['n2-second'] }],
    // Neither address is new, but they would be paired with other ones.
    [onTwo(), { n1: ['n1-second', 'n1'] }],
  ];
  for (const [state, places] of wants)
    assert.throws(
      () => planDocument(state, parseDocument(documentOf(places))),
      refusedWith(/would keep no path that joins them now: add the new addresses first/),
      JSON.stringify(places),
    );
});

test('a member that is lost loses nothing: its new place is told while it is away', () => {
  const lost = { kind: 'node-presence', name: 'n2', presence: 'lost', leaderTerm: 1, atMs: 0 } as const;
  const state = applied(after(foundedState(), lost), { n2: ['elsewhere'] });
  assert.deepEqual(state.members['n2']?.addresses, ['elsewhere:7700']);
});

test('what is used already is refused: by another member, or twice on one', () => {
  const wrong: [object, RegExp][] = [
    [{ addresses: ['n1', 'n2'] }, /n2:7700 is used by n2 already/],
    [{ addresses: ['n1', 'n2:7701'] }, /n2:7701 is used by n2 already/],
    [{ api: 'n2:8443' }, /n2:8443 is used by n2 already/],
    [{ addresses: ['n1', 'n1:7701'] }, /n1:7701 of n1 would be used twice/],
    [{ addresses: ['n1', 'n1:7700'] }, /nodes\.n1\.addresses: has the same address twice/],
    [{ addresses: [] }, /nodes\.n1\.addresses/],
    [{ addresses: Array.from({ length: 9 }, (_, at) => `n1-${at}`) }, /nodes\.n1\.addresses/],
    [{ addresses: ['a b'] }, /nodes\.n1\.addresses\.0: not an address/],
  ];
  for (const [change, pattern] of wrong)
    assert.throws(
      () => planDocument(foundedState(), parseDocument({ nodes: [{ name: 'n1', ...change }] })),
      refusedWith(pattern),
    );
});

test('the plan says what is reached where, and warns of the only path that stays', () => {
  const added = sentencesOf(foundedState(), documentOf({ n1: ['n1', 'n1-second'] }));
  assert.equal(added, 'Reach n1 at n1-second:7700 too: it has to have that address.');
  const gone = sentencesOf(onTwo(), {
    nodes: [{ name: 'n1', addresses: ['n1-second'], api: 'n1-second' }],
  });
  assert.match(gone, /^Leave n1:7700 of n1\. Serve the API of n1 at n1-second:8443 instead of n1:8443\./);
  assert.match(gone, / Only n1-second:7700 – n2-second:7700 of what joins n1 and n2 now stays\./);
  const capacity = sentencesOf(onTwo(), { nodes: [{ name: 'n1', capacity: { seats: 2 } }] });
  assert.equal(capacity, 'Count on n1 having 2 of seats.');
});

test('what a document does not say stays, and what is shown changes nothing', () => {
  const seats = planDocument(onTwo(), parseDocument({ nodes: [{ name: 'n1', capacity: { seats: 2 } }] }));
  const state = after(onTwo(), configureCommand(onTwo(), seats, { atMs: 0 }));
  assert.deepEqual(seats.changes, [{ kind: 'node-put', name: 'n1', capacity: { seats: 2 } }]);
  const moved = applied(state, { n1: ['n1-second', 'n1', 'n1-third'].toSorted() });
  assert.deepEqual(moved.members['n1']?.capacity, { seats: 2 });
  assert.deepEqual(planDocument(moved, parseDocument(showDocument(moved))).changes, []);
});

test('a witness has a place and no capacity', () => {
  assert.deepEqual(applied(foundedState(), { w1: ['w1', 'w1-second'] }).members['w1']?.addresses, [
    'w1:7700',
    'w1-second:7700',
  ]);
  const capacity = { seats: 1 };
  for (const change of [{ capacity }, { capacity, addresses: ['w1', 'w1-second'] }])
    assert.throws(
      () => planDocument(foundedState(), parseDocument({ nodes: [{ name: 'w1', ...change }] })),
      refusedWith(/w1 is a witness/),
    );
});

test('it waits until every program knows of it', () => {
  const founded = foundedState();
  const older = { ...founded, level: PLACES_LEVEL - 1 };
  assert.throws(
    () => planDocument(older, parseDocument(documentOf({ n1: ['n1', 'n1-second'] }))),
    refusedWith(/^Changing the addresses of a node: available once/, 'needs-upgrade'),
  );
  const capacity = parseDocument({ nodes: [{ name: 'n1', capacity: { seats: 2 } }] });
  assert.equal(planDocument(older, capacity).changes.length, 1);
});
