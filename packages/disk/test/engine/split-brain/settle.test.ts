/** The six policies, for 0, 1 and 2 primaries, both ways round. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SPLIT_BRAIN_ACTIONS, type Role, type SplitBrainAction } from '../../../src/engine/api.ts';
import { settleSplitBrain } from '../../../src/engine/split-brain/settle.ts';
import {
  NIL_UUID,
  decideHandshake,
  type HandshakeDecision,
  type ReplicaSummary,
} from '../../../src/metadata/index.ts';
import { derivedUuid } from '../../../src/metadata/uuid.ts';

interface Side {
  readonly role?: Role;
  readonly promotedAtWallMs?: number;
  readonly dirtyBlocks?: number;
  readonly discards?: string;
  readonly action?: SplitBrainAction;
}

const COMMON = derivedUuid('common');

function side(node: string, peer: string, given: Side): ReplicaSummary {
  const action = given.action ?? 'disconnect';
  return {
    node,
    sizeBytes: 4096,
    volumeUuid: COMMON,
    replicaUuid: derivedUuid('replica', node),
    setLayout: NIL_UUID,
    term: { number: 2, grantor: node },
    set: { version: 3, members: [node] },
    incarnation: 5,
    formerIncarnations: [],
    witnessedIncarnation: 5,
    diskState: 'UpToDate',
    role: given.role ?? 'secondary',
    justCreated: false,
    crashedPrimary: false,
    generations: { current: derivedUuid(node), bitmaps: { [peer]: COMMON }, history: [COMMON] },
    undoneSync: NIL_UUID,
    dirtyBlocks: given.dirtyBlocks ?? 1,
    skipInitialSync: false,
    splitBrain: {
      actions: { zeroPrimaries: action, onePrimary: action, twoPrimaries: action },
      promotedAtWallMs: given.promotedAtWallMs ?? 0,
      discards: given.discards ?? '',
    },
  };
}

function settle(a: Side, b: Side): HandshakeDecision {
  const [mine, theirs] = [side('a', 'b', a), side('b', 'a', b)];
  const decision = settleSplitBrain(decideHandshake(mine, theirs), mine, theirs);
  assert.deepEqual(settleSplitBrain(decideHandshake(theirs, mine), theirs, mine), decision, 'symmetric');
  return decision;
}

/** Who loses; `null`: nobody. */
function victim(decision: HandshakeDecision): string | null {
  if (decision.kind === 'sync') {
    assert.ok(decision.discards === true && decision.extent === 'bitmap');
    return decision.target;
  }
  assert.equal(decision.kind, 'split-brain');
  return decision.kind === 'split-brain' ? (decision.victim ?? null) : null;
}

/** `a` was promoted first and changed less. */
const OLD: Side = { promotedAtWallMs: 100, dirtyBlocks: 3 };
const YOUNG: Side = { promotedAtWallMs: 200, dirtyBlocks: 9 };

type Expected = Record<SplitBrainAction, string | null>;
const EXPECTED: readonly [string, Role, Role, Expected][] = [
  [
    'no primary: the owner is the one promoted last',
    'secondary',
    'secondary',
    {
      disconnect: null,
      'discard-younger-primary': 'b',
      'discard-older-primary': 'a',
      'discard-zero-changes': null,
      'discard-least-changes': 'a',
      'discard-local': 'b',
      'discard-remote': 'a',
    },
  ],
  [
    'one primary: it is the owner',
    'primary',
    'secondary',
    {
      disconnect: null,
      'discard-younger-primary': 'b',
      'discard-older-primary': 'a',
      'discard-zero-changes': null,
      'discard-least-changes': 'a',
      'discard-local': 'a',
      'discard-remote': 'b',
    },
  ],
  [
    'two primaries: the owner is the one promoted last',
    'primary',
    'primary',
    {
      disconnect: null,
      'discard-younger-primary': 'b',
      'discard-older-primary': 'a',
      'discard-zero-changes': null,
      'discard-least-changes': 'a',
      'discard-local': 'b',
      'discard-remote': 'a',
    },
  ],
];

describe('settleSplitBrain', () => {
  for (const [name, aRole, bRole, expected] of EXPECTED)
    for (const action of SPLIT_BRAIN_ACTIONS)
      it(`${action}, ${name}`, () => {
        const decision = settle({ ...OLD, role: aRole, action }, { ...YOUNG, role: bRole, action });
        assert.equal(victim(decision), expected[action]);
        const loses = expected[action] === 'a' ? aRole : bRole;
        if (expected[action] !== null)
          assert.equal(
            decision.kind,
            loses === 'primary' ? 'split-brain' : 'sync',
            'a primary steps down first',
          );
      });

  it('discards the side without changes', () => {
    const action = 'discard-zero-changes';
    assert.equal(victim(settle({ dirtyBlocks: 0, action }, { dirtyBlocks: 4, action })), 'a');
    assert.equal(victim(settle({ dirtyBlocks: 4, action }, { dirtyBlocks: 0, action })), 'b');
    assert.equal(victim(settle({ dirtyBlocks: 0, action }, { dirtyBlocks: 0, action })), null);
  });

  it('counts only a policy that both sides have', () => {
    const decision = settle({ ...OLD, action: 'discard-local' }, { ...YOUNG, action: 'discard-remote' });
    assert.equal(victim(decision), null);
    assert.match(decision.reason, /a is configured to discard-local, b to discard-remote/);
  });

  it('leaves a tie to the operator', () => {
    for (const action of SPLIT_BRAIN_ACTIONS) assert.equal(victim(settle({ action }, { action })), null);
  });

  it('obeys the operator before any policy, on whichever side he spoke', () => {
    const action = 'discard-younger-primary';
    assert.equal(victim(settle({ ...OLD, action, discards: 'a' }, { ...YOUNG, action })), 'a');
    assert.equal(victim(settle({ ...OLD, action }, { ...YOUNG, action, discards: 'a' })), 'a');
    assert.equal(victim(settle({ ...OLD, discards: 'a' }, { ...YOUNG, discards: 'a' })), 'a');
  });

  it('does nothing when the words on the two sides contradict each other', () => {
    const decision = settle({ ...OLD, discards: 'a' }, { ...YOUNG, discards: 'b' });
    assert.equal(victim(decision), null);
    assert.match(decision.reason, /contradict/);
  });
});
