import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Members } from '../../../src/raft/members.ts';
import { tieId } from '../../../src/raft/tie/tie-id.ts';
import { memberIdOf } from '../../../src/raft/types.ts';
import { leavingDiskRefusal } from '../../../src/service/pair/keeping.ts';
import type { TieView } from '../../../src/service/view.ts';
import type { TieBreaker } from '../../../src/state/model.ts';
import { foundedState } from '../../state/founded.ts';

const DISK: TieBreaker = { kind: 'disk', device: '/dev/a', ping: [] };
const base = foundedState();
const state = { ...base, config: { ...base.config, tieBreaker: DISK } };
const TIE: TieView = { kind: 'disk', votes: true, trouble: undefined, held: undefined };
const logMembers: Members = [
  { id: memberIdOf('n1', 'a'), role: 'voter' },
  { id: memberIdOf('n2', 'b'), role: 'voter' },
  { id: memberIdOf('n3', 'c'), role: 'learner' },
  { id: tieId('1'), role: 'voter' },
];

function refused(next: TieBreaker, heard: readonly string[], tie: TieView | null = TIE): boolean {
  return (
    leavingDiskRefusal({ state, logMembers, tie: tie ?? undefined, alive: new Set(heard) }, next) !==
    undefined
  );
}

test('the disk of a pair is left only while both nodes are heard: who is alone would not find it any more', () => {
  for (const next of [{ kind: 'none' }, { kind: 'witness' }, { ...DISK, device: '/dev/b' }] as const) {
    assert.equal(refused(next, ['n1']), true);
    assert.equal(refused(next, ['n1', 'n2']), false, 'n3 does not vote');
    assert.equal(refused(next, ['n1'], { ...TIE, votes: false }), false);
    assert.equal(refused(next, ['n1'], null), false);
  }
  assert.equal(refused({ ...DISK, ping: ['10.0.0.254'] }, ['n1']), false, 'it stays');
});
