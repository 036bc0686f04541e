/** Nothing that a program of some level reads may change: lists of it, and a log with its snapshot, are frozen beside this. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { apply, emptyState } from '../../../src/state/apply.ts';
import { decodeCommand, decodeState, encodeCommand, encodeState } from '../../../src/state/codec.ts';
import { ADDITIONS, FIRST_LEVEL, LEVELS } from '../../../src/state/levels.ts';
import type { ClusterState } from '../../../src/state/model.ts';
import { ADDITION, NEXT } from './ages.ts';
import { linesOf, parseLines, presentShape, type Shape, shapeBefore, unreadable } from './shape.ts';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const FIRST_ENTRIES = read('level-1-entries.jsonl').trimEnd().split('\n');
const FIRST_SNAPSHOT = JSON.parse(read('level-1-snapshot.json')) as { state: ClusterState };

/** What programs of `level` know. */
function shapeOf(level: number): Shape {
  return shapeBefore(
    presentShape(),
    ADDITIONS.filter((addition) => addition.level > level),
  );
}

for (let level = FIRST_LEVEL; level <= LEVELS.program; level += 1)
  test(`what entries and snapshots are made of has the level that level-${level}.txt says (CONTRIBUTING.md, "Levels")`, () => {
    const before = level === FIRST_LEVEL ? [] : linesOf(shapeOf(level - 1));
    const added = linesOf(shapeOf(level)).filter((line) => !before.includes(line));
    assert.deepEqual(added, read(`level-${level}.txt`).trimEnd().split('\n'));
  });

test('the list has what is written: kinds of entries, fields and values, and what may be absent', () => {
  const lines = linesOf(presentShape());
  for (const line of [
    'entry level-raise: a kind',
    'entry node-report.sees?: readonly string[]',
    'entry rescue-export.path: string',
    'state.groups.*.spec.onStopFailure: "block" | "fence" | "kill"',
    'state.groups.*.spec.watch?.*: "ignore" | "move" | "warn"',
    'state.members.*.level: number',
  ])
    assert.ok(lines.includes(line), line);
});

test('an addition takes its lines out of the levels before', () => {
  const before = linesOf(shapeBefore(presentShape(), [ADDITION]));
  const gone = linesOf(presentShape()).filter((line) => !before.includes(line));
  assert.deepEqual(gone, [
    'entry cluster-maintenance.on: boolean',
    'entry cluster-maintenance: a kind',
    'state.groups.*.spec.onStopFailure: "block" | "fence" | "kill"',
    'state.groups.*.spec.watch?.*: "ignore" | "move" | "warn"',
    'state.maintenance?: boolean',
  ]);
  assert.ok(before.includes('state.groups.*.spec.onStopFailure: "block" | "fence"'));
});

test('what a document can say is new in the entry and in the state alike', () => {
  const pairs = [
    ['state.config.', 'configure.changes.*=cluster.config.'],
    ['state.volumes.*.spec.', 'configure.changes.*=volume-put.spec.'],
    ['state.groups.*.spec.', 'configure.changes.*=group-put.spec.'],
  ] as const;
  for (const { fields = [], values = [] } of [...ADDITIONS, ADDITION]) {
    const paths = [...fields, ...values].map(({ path }) => path);
    for (const [inState, inEntry] of pairs)
      for (const path of paths) {
        if (path.startsWith(inState)) assert.ok(paths.includes(path.replace(inState, inEntry)), path);
        if (path.startsWith(inEntry)) assert.ok(paths.includes(path.replace(inEntry, inState)), path);
      }
  }
});

test('a log of level 1 leads to the same state as ever', () => {
  let state = emptyState();
  for (const entry of FIRST_ENTRIES) {
    const outcome = apply(state, decodeCommand(Buffer.from(entry), state.level));
    assert.equal(outcome.refused, undefined, entry);
    state = outcome.state;
  }
  assert.deepEqual({ v: 1, state: LEVELS.stateAsOf(state, FIRST_LEVEL) }, FIRST_SNAPSHOT);
});

test('entries and snapshots of level 1 are read and written as ever', () => {
  for (const entry of FIRST_ENTRIES) {
    const command = decodeCommand(Buffer.from(entry), FIRST_LEVEL);
    assert.deepEqual(JSON.parse(encodeCommand(command, FIRST_LEVEL).toString()), JSON.parse(entry));
  }
  const state = decodeState(Buffer.from(JSON.stringify(FIRST_SNAPSHOT)));
  assert.deepEqual(decodeState(Buffer.from(JSON.stringify(FIRST_SNAPSHOT)), NEXT), state);
  assert.deepEqual(JSON.parse(encodeState(state).toString()), FIRST_SNAPSHOT);
  assert.deepEqual(unreadable(parseLines(read('level-1.txt')), FIRST_SNAPSHOT.state), []);
});

test('the strict reader finds what an older program would not read', () => {
  const shape = parseLines(read('level-1.txt'));
  const { state } = FIRST_SNAPSHOT;
  const { revision: _, ...without } = state;
  assert.deepEqual(unreadable(shape, { ...state, moon: 1 }), ['state.moon is unknown']);
  assert.deepEqual(unreadable(shape, without), ['state.revision is missing']);
  const config = { ...state.config, prefer: 'cake' };
  assert.deepEqual(unreadable(shape, { ...state, config }), ['state.config.prefer is "cake"']);
});
