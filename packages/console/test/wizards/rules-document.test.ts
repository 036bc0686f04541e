import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answersOf,
  groupsOf,
  ruleProblem,
  rulesDocument,
  type Company,
  type RuleAnswers,
} from '../../src/wizards/rules-document.ts';
import { after, clusterWith, shownBy, stepsOf } from './planned.ts';

const group = (name: string, nodes: readonly string[], rules: object = {}) => ({
  name,
  nodes,
  ...rules,
  resources: [{ name: 'program', type: 'app', command: ['/bin/true'] }],
});
const BOTH = ['n1', 'n2'];
const state = clusterWith({
  groups: [
    group('db', BOTH),
    group('web', BOTH, { after: ['db'] }),
    group('report', ['n2'], { apart: ['web'] }),
    group('home', ['n1']),
    group('test', ['n1']),
  ],
});
const groups = groupsOf(shownBy(state));
const entryOf = (name: string) => {
  const entry = groups.find((one) => one.name === name);
  assert.ok(entry);
  return entry;
};
const rule = (company: Company, isAfter = false) => ({ company, after: isAfter });
const problem = (name: string, answers: RuleAnswers, other: string) =>
  ruleProblem(groups, entryOf(name), answers, other);

test('rules come into the entry of their group, and everything else of it stays', () => {
  const answers = { ...answersOf(entryOf('web')), home: rule('with', true), test: rule('any') };
  const document = rulesDocument(entryOf('web'), answers);
  assert.deepEqual(
    stepsOf(state, document).map(({ sentence }) => sentence),
    ['Change group web.'],
  );
  const { spec } = after(state, document).groups['web'] ?? {};
  assert.deepEqual(spec, {
    ...state.groups['web']?.spec,
    rules: { with: ['home'], apart: [], after: ['db', 'home'] },
  });
});

test('answers that nobody changes change nothing', () => {
  for (const one of groups)
    assert.deepEqual(stepsOf(state, rulesDocument(one, answersOf(one))), [], one.name);
});

/** The cluster refuses what is refused here, and nothing else of these. */
const CASES: readonly (readonly [string, RuleAnswers, string, string | null])[] = [
  ['db', { web: rule('apart') }, 'web', 'circle'],
  ['db', { report: rule('any', true) }, 'report', 'circle'],
  ['home', { report: rule('with') }, 'report', 'noNode'],
  ['home', { web: rule('with'), report: rule('with') }, 'web', 'noNode'],
  ['db', { home: rule('with') }, 'home', null],
  ['home', { test: rule('apart') }, 'test', 'oneNode'],
  ['home', { web: rule('apart') }, 'web', null],
  ['home', { report: rule('apart') }, 'report', null],
  ['home', { test: rule('any', true) }, 'test', null],
];
for (const [name, answers, other, expected] of CASES)
  test(`${name} with ${JSON.stringify(answers)}: ${expected ?? 'well'}`, () => {
    assert.equal(problem(name, answers, other), expected);
    const apply = () => stepsOf(state, rulesDocument(entryOf(name), answers));
    if (expected === null) assert.equal(apply().length, 1);
    else assert.throws(apply, { code: 'config' });
  });

test('partners of which one must be apart from another are torn', () => {
  const torn = clusterWith({
    groups: [
      group('a', BOTH),
      group('b', BOTH, { apart: ['a'] }),
      group('c', BOTH, { with: ['a'] }),
      group('d', BOTH),
    ],
  });
  const all = groupsOf(shownBy(torn));
  const [, , , d] = all;
  assert.ok(d);
  for (const answers of [
    { a: rule('with'), b: rule('with') },
    { b: rule('with'), c: rule('with') },
    { c: rule('with'), a: rule('apart') },
  ]) {
    const told: readonly (string | null)[] = Object.keys(answers).map((other) =>
      ruleProblem(all, d, answers, other),
    );
    assert.deepEqual(told, ['torn', 'torn'], JSON.stringify(answers));
    assert.throws(() => stepsOf(torn, rulesDocument(d, answers)), { code: 'config' });
  }
});
