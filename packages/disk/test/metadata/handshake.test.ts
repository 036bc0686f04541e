/** One test per row of `docs/internals/handshake.md`. */
import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { HandshakeDecision, ReplicaSummary } from '../../src/metadata/api.ts';
import { NIL_UUID } from '../../src/metadata/api.ts';
import { syncGeneration } from '../../src/metadata/generations.ts';
import { decideHandshake, resolveSplitBrain } from '../../src/metadata/handshake.ts';
import { derivedUuid } from '../../src/metadata/uuid.ts';

const [W, X, Y, Z] = ['w', 'x', 'y', 'z'].map((name) => derivedUuid(name)) as [
  string,
  string,
  string,
  string,
];

const NO_TERMS: ReplicaSummary['splitBrain'] = {
  actions: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
  promotedAtWallMs: 0,
  discards: '',
};

type Changes = Partial<Omit<ReplicaSummary, 'generations'>> & Partial<ReplicaSummary['generations']>;

function replica(node: string, changes: Changes = {}): ReplicaSummary {
  const { current = X, bitmaps = {}, history = [], ...rest } = changes;
  return {
    node,
    sizeBytes: 4096,
    volumeUuid: W,
    replicaUuid: derivedUuid('replica', node),
    setLayout: NIL_UUID,
    term: { number: 1, grantor: 'g' },
    set: { version: 1, members: ['a', 'b'] },
    incarnation: 5,
    formerIncarnations: [],
    witnessedIncarnation: 5,
    diskState: 'UpToDate',
    role: 'secondary',
    justCreated: false,
    crashedPrimary: false,
    generations: { current, bitmaps, history },
    undoneSync: NIL_UUID,
    dirtyBlocks: 0,
    skipInitialSync: false,
    splitBrain: NO_TERMS,
    ...rest,
  };
}

const NEW: Changes = {
  justCreated: true,
  current: NIL_UUID,
  volumeUuid: NIL_UUID,
  diskState: 'Inconsistent',
};

/** `b` goes on in a term of another grantor, alone in the set. */
const SERVES_ON: Changes = {
  role: 'primary',
  term: { number: 2, grantor: 'h' },
  set: { version: 3, members: ['b'] },
};

function decide(a: Changes, b: Changes): HandshakeDecision {
  const [mine, theirs] = [replica('a', a), replica('b', b)];
  const decision = decideHandshake(mine, theirs);
  assert.deepEqual(decideHandshake(theirs, mine), decision);
  return decision;
}

/** `a→b bitmap` or the kind. */
function brief(decision: HandshakeDecision): string {
  return decision.kind === 'sync'
    ? `${decision.source}→${decision.target} ${decision.extent}`
    : decision.kind === 'split-brain' && decision.victim !== undefined
      ? `split-brain, ${decision.victim} steps down`
      : decision.kind;
}

/** `b`, in a later term of its own, without `a`. */
const WENT_ON_ALONE: Changes = {
  current: Z,
  bitmaps: { a: X },
  history: [X],
  term: { number: 2, grantor: 'b' },
  set: { version: 3, members: ['b'] },
};

const ROWS: readonly [string, Changes, Changes, string][] = [
  ['sizes differ', { sizeBytes: 8192 }, {}, 'refuse'],
  ['volumes differ', { volumeUuid: Z }, {}, 'unrelated'],
  ['no disk', { diskState: 'Failed' }, {}, 'wait'],
  ['both new', NEW, NEW, 'wait'],
  ['both new, equal by word', { ...NEW, skipInitialSync: true }, { ...NEW, skipInitialSync: true }, 'none'],
  ['one new', {}, NEW, 'a→b full'],
  ['one new, the other half-synced', { diskState: 'Inconsistent' }, NEW, 'wait'],
  ['both Inconsistent', { diskState: 'Inconsistent' }, { diskState: 'Inconsistent' }, 'wait'],
  ['Inconsistent of the same generation', { diskState: 'Inconsistent' }, { dirtyBlocks: 1 }, 'b→a bitmap'],
  [
    'an interrupted sync, name confirmed',
    { current: Z, diskState: 'Inconsistent' },
    { current: Y, bitmaps: { a: Z }, history: [X] },
    'b→a bitmap',
  ],
  [
    'an interrupted sync, name not yet confirmed',
    { current: syncGeneration(X, derivedUuid('replica', 'b'), 'a'), diskState: 'Inconsistent' },
    { current: Y, bitmaps: { a: X }, history: [X] },
    'b→a bitmap',
  ],
  [
    'a sync interrupted with another source',
    { current: Z, diskState: 'Inconsistent', history: [X] },
    { current: Y, bitmaps: { a: X }, history: [X] },
    'b→a full',
  ],
  [
    'Inconsistent next to an outsider',
    { diskState: 'Inconsistent', set: { version: 2, members: ['a'] } },
    {},
    'wait',
  ],
  [
    'Inconsistent, and its term is newer than the other side’s',
    { diskState: 'Inconsistent', term: { number: 2, grantor: 'h' } },
    {},
    'wait',
  ],
  ['Inconsistent next to a rolled-back disk', { diskState: 'Inconsistent' }, { incarnation: 4 }, 'wait'],
  [
    'Inconsistent next to a disk that was rolled back long ago, and is primary with a third member',
    { diskState: 'Inconsistent' },
    { incarnation: 4, role: 'primary', set: { version: 2, members: ['b', 'c'] } },
    'b→a full',
  ],
  [
    'Inconsistent next to a rolled-back disk that is primary alone',
    { diskState: 'Inconsistent' },
    { incarnation: 4, role: 'primary', set: { version: 2, members: ['b'] } },
    'wait',
  ],
  ['same, clean', {}, {}, 'none'],
  ['same, bits set, primary decides', { dirtyBlocks: 1 }, { role: 'primary' }, 'b→a bitmap'],
  ['same, bits set, nobody primary', {}, { dirtyBlocks: 1 }, 'a→b bitmap'],
  ['same, one crashed as primary', {}, { crashedPrimary: true }, 'b→a bitmap'],
  ['same, crashed, other promoted', { crashedPrimary: true }, { role: 'primary' }, 'b→a bitmap'],
  [
    'same, both crashed, higher term',
    { crashedPrimary: true },
    { crashedPrimary: true, term: { number: 2, grantor: 'g' } },
    'b→a bitmap',
  ],
  ['same, both crashed, same term', { crashedPrimary: true }, { crashedPrimary: true }, 'a→b bitmap'],
  ['mine is the peer’s bitmap generation', {}, { current: Y, bitmaps: { a: X }, history: [X] }, 'b→a bitmap'],
  ['the peer’s is my bitmap generation', { current: Y, bitmaps: { b: X }, history: [X] }, {}, 'a→b bitmap'],
  ['mine is in the peer’s history', {}, { current: Y, history: [Z, X] }, 'b→a full'],
  ['mine is the peer’s for another node', {}, { current: Y, bitmaps: { c: X } }, 'b→a full'],
  ['the peer’s is in my history', { current: Y, history: [X] }, {}, 'a→b full'],
  [
    'both divided from one',
    { current: Y, bitmaps: { b: X } },
    { current: Z, bitmaps: { a: X } },
    'split-brain',
  ],
  [
    'each divided from what the other has now',
    { current: Y, bitmaps: { b: Z } },
    { current: Z, bitmaps: { a: Y } },
    'split-brain',
  ],
  ['common history', { current: Y, history: [W] }, { current: Z, history: [W] }, 'split-brain'],
  [
    'both divided, both still primary, two grantors',
    { current: Y, bitmaps: { b: X }, role: 'primary' },
    { current: Z, bitmaps: { a: X }, role: 'primary', term: { number: 2, grantor: 'h' } },
    'split-brain',
  ],
  [
    'both divided, one inside',
    { current: Y, bitmaps: { b: X } },
    { current: Z, bitmaps: { a: X }, set: { version: 2, members: ['b'] } },
    'b→a bitmap',
  ],
  [
    'both divided, one inside, the other rolled back',
    { current: Y, bitmaps: { b: X }, incarnation: 4 },
    { current: Z, bitmaps: { a: X }, set: { version: 2, members: ['b'] } },
    'b→a full',
  ],
  [
    'both divided, the one inside rolled back',
    { current: Y, bitmaps: { b: X } },
    { current: Z, bitmaps: { a: X }, set: { version: 2, members: ['b'] }, incarnation: 4 },
    'split-brain',
  ],
  [
    'both divided, both outside',
    { current: Y, bitmaps: { b: X } },
    { current: Z, bitmaps: { a: X }, set: { version: 2, members: ['c'] } },
    'wait',
  ],
  [
    'both divided and inside, and one was rolled back',
    { current: Y, bitmaps: { b: X }, incarnation: 4 },
    { current: Z, bitmaps: { a: X } },
    'b→a full',
  ],
  [
    'both divided and inside, and one was rolled back and is primary',
    { current: Y, bitmaps: { b: X }, incarnation: 4, role: 'primary' },
    { current: Z, bitmaps: { a: X } },
    'refuse',
  ],
  [
    'both divided and inside, and both were rolled back',
    { current: Y, bitmaps: { b: X }, incarnation: 4 },
    { current: Z, bitmaps: { a: X }, incarnation: 4 },
    'split-brain',
  ],
  [
    'both divided under two grantors, and one was rolled back',
    { current: Y, bitmaps: { b: X }, incarnation: 4 },
    { current: Z, bitmaps: { a: X }, term: { number: 2, grantor: 'h' } },
    'split-brain',
  ],
  [
    'both divided under two grantors, and one has given way',
    { current: Y, bitmaps: { b: X }, set: { version: 2, members: ['b'] } },
    { ...SERVES_ON, current: Z, bitmaps: { a: X } },
    'b→a bitmap',
  ],
  [
    'both divided under two grantors, and one has given way, but serves',
    { current: Y, bitmaps: { b: X }, set: { version: 2, members: ['b'] }, role: 'primary' },
    { ...SERVES_ON, current: Z, bitmaps: { a: X } },
    'split-brain',
  ],
  [
    'both divided under two grantors, one has given way, and the other was rolled back',
    { current: Y, bitmaps: { b: X }, set: { version: 2, members: ['b'] } },
    { ...SERVES_ON, current: Z, bitmaps: { a: X }, incarnation: 4 },
    'split-brain',
  ],
  [
    'both divided under two grantors, each outside its own set',
    { current: Y, bitmaps: { b: X }, set: { version: 2, members: ['b'] } },
    { ...SERVES_ON, current: Z, bitmaps: { a: X }, set: { version: 3, members: ['a'] } },
    'split-brain',
  ],
  [
    'given way although newer, to a term of another grantor',
    { current: Y, bitmaps: { b: X }, history: [X], set: { version: 2, members: ['b'] } },
    SERVES_ON,
    'b→a bitmap',
  ],
  ['same, neither primary, one restarted', { dirtyBlocks: 1, incarnation: 6 }, {}, 'b→a bitmap'],
  ['nothing in common', { current: Y }, { current: Z }, 'unrelated'],
  [
    'nothing in common, one outside the set',
    { current: Y },
    { current: Z, set: { version: 2, members: ['b'] } },
    'b→a full',
  ],
  [
    'nothing in common, one outside the set, and primary',
    { current: Y, role: 'primary' },
    { current: Z, set: { version: 2, members: ['b'] } },
    'refuse',
  ],
  [
    'nothing in common, both outside the set',
    { current: Y },
    { current: Z, set: { version: 2, members: ['c'] } },
    'wait',
  ],
  [
    'nothing in common, both inside, and one was rolled back',
    { current: Y, incarnation: 4 },
    { current: Z },
    'b→a full',
  ],
  [
    'nothing in common, both inside, one was rolled back, and the other’s term is over',
    { current: Y, incarnation: 4, term: { number: 2, grantor: 'g' } },
    { current: Z, role: 'primary' },
    'refuse',
  ],
  [
    'nothing in common, the one inside rolled back',
    { current: Y, incarnation: 4, set: { version: 2, members: ['a'] } },
    { current: Z },
    'wait',
  ],
  [
    'nothing in common, the one inside rolled back, and primary',
    { current: Y, incarnation: 4, role: 'primary', set: { version: 2, members: ['a'] } },
    { current: Z },
    'refuse',
  ],
  [
    'nothing in common, the one inside rolled back long ago, and primary with a third member',
    { current: Y, incarnation: 4, role: 'primary', set: { version: 2, members: ['a', 'c'] } },
    { current: Z },
    'a→b full',
  ],
  [
    'nothing in common, both rolled back',
    { current: Y, incarnation: 4 },
    { current: Z, incarnation: 4 },
    'refuse',
  ],
  [
    'nothing in common, one outside its set, by two grantors',
    { current: Y },
    { ...SERVES_ON, current: Z },
    'unrelated',
  ],
  [
    'nothing in common, rolled back, by two grantors',
    { current: Y, incarnation: 4 },
    { current: Z, term: { number: 2, grantor: 'h' } },
    'unrelated',
  ],
  [
    'nothing in common, and one has given way',
    { current: Y, set: { version: 2, members: ['b'] } },
    { ...SERVES_ON, current: Z },
    'b→a full',
  ],
  [
    'nothing in common, neither of a volume yet',
    { current: Y, volumeUuid: NIL_UUID },
    { current: Z, volumeUuid: NIL_UUID, set: { version: 2, members: ['b'] } },
    'unrelated',
  ],
  [
    'two primaries that have not written yet',
    { role: 'primary' },
    { role: 'primary', term: { number: 2, grantor: 'h' } },
    'split-brain',
  ],
  [
    'two primaries of two grantors, and one has written',
    { role: 'primary' },
    {
      current: Y,
      bitmaps: { a: X },
      history: [X],
      role: 'primary',
      term: { number: 2, grantor: 'h' },
    },
    'split-brain, a steps down',
  ],
  [
    'two primaries of two grantors, one has written, and the other has what it may lack',
    { role: 'primary', set: { version: 2, members: ['a'] }, dirtyBlocks: 1 },
    {
      current: Y,
      bitmaps: { a: X },
      history: [X],
      role: 'primary',
      term: { number: 2, grantor: 'h' },
    },
    'split-brain',
  ],
  ['two primaries of one grantor', { role: 'primary' }, { role: 'primary' }, 'refuse'],
  ['a primary whose term is over', { role: 'primary' }, { term: { number: 2, grantor: 'g' } }, 'refuse'],
  [
    'a primary, and an idle term of a higher number by another grantor',
    { role: 'primary' },
    { term: { number: 2, grantor: 'h' } },
    'none',
  ],
  [
    'a primary that has written, and an idle term of a higher number by another grantor',
    { current: Y, bitmaps: { b: X }, history: [X], role: 'primary' },
    { term: { number: 2, grantor: 'h' } },
    'a→b bitmap',
  ],
  [
    'a primary that has not written, and a term of another grantor in which somebody has',
    { role: 'primary', set: { version: 2, members: ['a'] } },
    { current: Y, bitmaps: { a: X }, history: [X], term: { number: 2, grantor: 'h' } },
    'split-brain',
  ],
  [
    'a primary that has waited, and a term of another grantor in which somebody has written',
    { role: 'primary', dirtyBlocks: 1 },
    { current: Y, bitmaps: { a: X }, history: [X], term: { number: 2, grantor: 'h' } },
    'split-brain, a steps down',
  ],
  [
    'both have gone on, one of them as the survivor of the other, which crashed',
    { current: Y, bitmaps: { b: X }, history: [X], crashedPrimary: true, term: { number: 1, grantor: 'a' } },
    WENT_ON_ALONE,
    'b→a bitmap',
  ],
  [
    'both have gone on, and neither had the other in its set',
    {
      current: Y,
      bitmaps: { b: X },
      history: [X],
      crashedPrimary: true,
      term: { number: 1, grantor: 'a' },
      set: { version: 3, members: ['a'] },
    },
    WENT_ON_ALONE,
    'split-brain',
  ],
  [
    'both have gone on, and the one with the lower term has the other in its set, but serves',
    { current: Y, bitmaps: { b: X }, history: [X], role: 'primary', term: { number: 1, grantor: 'a' } },
    WENT_ON_ALONE,
    'split-brain',
  ],
  ['one term, two grantors', { term: { number: 1, grantor: 'h' } }, {}, 'split-brain'],
  ['rolled back', { incarnation: 4 }, {}, 'b→a full'],
  ['rolled back, and attached again as often', { incarnation: 6, formerIncarnations: [4] }, {}, 'b→a full'],
  ['attached again', { incarnation: 6, formerIncarnations: [5, 4] }, {}, 'none'],
  ['attached again, more often than is remembered', { incarnation: 7, formerIncarnations: [6] }, {}, 'none'],
  ['both rolled back', { incarnation: 4 }, { incarnation: 4 }, 'refuse'],
  [
    'rolled back to an old generation',
    { incarnation: 4 },
    { current: Y, bitmaps: { a: X }, history: [X] },
    'b→a full',
  ],
  ['rolled back and primary', { incarnation: 4, role: 'primary' }, {}, 'refuse'],
  ['rolled back, and alone in the set', { incarnation: 4, set: { version: 2, members: ['a'] } }, {}, 'wait'],
  [
    'rolled back, and outside the set',
    { incarnation: 4 },
    { set: { version: 2, members: ['b'] } },
    'b→a full',
  ],
  [
    'rolled back, primary and alone in the set',
    { incarnation: 4, role: 'primary', set: { version: 2, members: ['a'] } },
    {},
    'refuse',
  ],
  [
    'rolled back long ago, primary with a third member',
    { incarnation: 4, role: 'primary', set: { version: 2, members: ['a', 'c'] } },
    {},
    'a→b full',
  ],
  [
    'both rolled back, one long ago, primary with a third member',
    { incarnation: 4, role: 'primary', set: { version: 2, members: ['a', 'c'] } },
    { incarnation: 4 },
    'a→b full',
  ],
  [
    'both rolled back, one primary alone in the set',
    { incarnation: 4, role: 'primary', set: { version: 2, members: ['a'] } },
    { incarnation: 4 },
    'refuse',
  ],
  [
    'rolled back long ago, primary of an older term',
    { incarnation: 4, role: 'primary', set: { version: 2, members: ['a', 'c'] } },
    { term: { number: 2, grantor: 'g' }, set: { version: 3, members: ['a', 'c'] } },
    'refuse',
  ],
  [
    'both divided, the one inside rolled back long ago and primary with a third member',
    { current: Y, bitmaps: { b: X } },
    {
      current: Z,
      bitmaps: { a: X },
      set: { version: 2, members: ['b', 'c'] },
      incarnation: 4,
      role: 'primary',
    },
    'b→a full',
  ],
  [
    'outside the set although newer',
    { current: Y, bitmaps: { b: X }, history: [X] },
    { set: { version: 2, members: ['b'] } },
    'b→a bitmap',
  ],
  [
    'outside a set of another grantor says nothing',
    { current: Y, bitmaps: { b: X }, history: [X] },
    { set: { version: 2, members: ['b'] }, term: { number: 2, grantor: 'h' } },
    'a→b bitmap',
  ],
  ['outside the set, same and clean', {}, { set: { version: 2, members: ['b'] } }, 'none'],
  [
    'the older side is primary',
    { role: 'primary' },
    { current: Y, bitmaps: { a: X }, history: [X] },
    'refuse',
  ],
];

describe('decideHandshake', () => {
  for (const [name, a, b, expected] of ROWS) it(name, () => assert.equal(brief(decide(a, b)), expected));

  it('gives two new replicas the same generation on both sides', () => {
    const decision = decide({ ...NEW, skipInitialSync: true }, { ...NEW, skipInitialSync: true });
    assert.ok(decision.kind === 'none' && decision.adopt !== undefined);
  });

  it('is symmetric for any two summaries', () => {
    const uuid = fc.constantFrom(NIL_UUID, W, X, Y, Z, syncGeneration(X, derivedUuid('replica', 'a'), 'b'));
    const small = fc.nat(2);
    const summary = fc.record({
      volumeUuid: fc.constantFrom(NIL_UUID, W),
      term: fc.record({ number: small, grantor: fc.constantFrom('g', 'h') }),
      set: fc.record({ version: small, members: fc.subarray(['a', 'b', 'c']) }),
      incarnation: small,
      formerIncarnations: fc.array(small, { maxLength: 2 }),
      witnessedIncarnation: small,
      diskState: fc.constantFrom('Diskless', 'Inconsistent', 'Outdated', 'Consistent', 'UpToDate'),
      role: fc.constantFrom('primary', 'secondary'),
      justCreated: fc.boolean(),
      crashedPrimary: fc.boolean(),
      dirtyBlocks: fc.nat(1),
      skipInitialSync: fc.boolean(),
      current: uuid,
      bitmaps: fc.record({ a: uuid, b: uuid, c: uuid }),
      history: fc.uniqueArray(uuid, { maxLength: 2 }),
    }) satisfies fc.Arbitrary<Changes>;
    fc.assert(
      fc.property(summary, summary, (a, b) => {
        const decision = decide(a, b);
        if (decision.kind !== 'sync') return;
        const [source, target] = decision.source === 'a' ? [a, b] : [b, a];
        assert.notEqual(source.diskState, 'Inconsistent');
        assert.ok(target.role === 'secondary' || target.diskState === 'Inconsistent');
      }),
      { numRuns: 3000 },
    );
  });
});

describe('resolveSplitBrain', () => {
  it('copies the bits of both sides when both count from one ancestor, else everything', () => {
    const a = replica('a', { current: Y, bitmaps: { b: X } });
    const b = replica('b', { current: Z, bitmaps: { a: X } });
    assert.equal(brief(resolveSplitBrain(a, b, 'a')), 'b→a bitmap');
    assert.equal(brief(resolveSplitBrain(b, a, 'a')), 'b→a bitmap');
    const elsewhere = replica('b', { current: Z, bitmaps: { a: W } });
    assert.equal(brief(resolveSplitBrain(a, elsewhere, 'b')), 'a→b full');
  });
});
