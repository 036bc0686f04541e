/** What two copies really say of each other when they meet, whatever state they are in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settleSplitBrain } from '@eterne/disk/engine/split-brain/settle.ts';
import { awaitingPromotion } from '@eterne/disk/engine/link/await-promotion.ts';
import { decideHandshake, NIL_UUID, type ReplicaSummary } from '@eterne/disk/metadata/index.ts';
import * as fc from 'fast-check';
import { saidText } from '../../src/i18n/said/said-text.ts';
import { assertChinese } from './chinese.ts';

const uuids = ['w', 'x', 'y', 'z'].map((letter) => letter.repeat(32));
const uuid = fc.constantFrom(NIL_UUID, ...uuids);
const small = fc.nat(2);
const action = fc.constantFrom(
  'disconnect',
  'discard-younger-primary',
  'discard-older-primary',
  'discard-zero-changes',
  'discard-least-changes',
  'discard-local',
  'discard-remote',
);

function summary(node: string): fc.Arbitrary<ReplicaSummary> {
  return fc.record({
    node: fc.constant(node),
    sizeBytes: fc.constantFrom(4096, 4096, 4096, 4096, 8192),
    volumeUuid: fc.constantFrom(NIL_UUID, ...uuids.slice(0, 1)),
    replicaUuid: fc.constant(node.repeat(32)),
    setLayout: fc.constant(NIL_UUID),
    term: fc.record({ number: small, grantor: fc.constantFrom('g', 'h') }),
    set: fc.record({ version: small, members: fc.subarray(['a', 'b', 'c']) }),
    incarnation: small,
    formerIncarnations: fc.array(small, { maxLength: 2 }),
    witnessedIncarnation: small,
    diskState: fc.constantFrom('Diskless', 'Inconsistent', 'Outdated', 'Consistent', 'UpToDate'),
    role: fc.constantFrom('primary', 'secondary'),
    justCreated: fc.boolean(),
    crashedPrimary: fc.boolean(),
    generations: fc.record({
      current: uuid,
      bitmaps: fc.record({ a: uuid, b: uuid, c: uuid }),
      history: fc.uniqueArray(uuid, { maxLength: 2 }),
    }),
    undoneSync: fc.constant(NIL_UUID),
    dirtyBlocks: small,
    skipInitialSync: fc.boolean(),
    splitBrain: fc.record({
      actions: fc.record({ zeroPrimaries: action, onePrimary: action, twoPrimaries: action }),
      promotedAtWallMs: small,
      discards: fc.constantFrom('', '', '', 'a', 'b'),
    }),
  }) satisfies fc.Arbitrary<ReplicaSummary>;
}

test('why two copies follow, copy, wait, refuse or are apart is said in Chinese', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(
      summary('a'),
      summary('b'),
      fc.boolean(),
      fc.constantFrom('', 'c'),
      (a, b, isLocal, leader) => {
        const settled = settleSplitBrain(decideHandshake(a, b), a, b);
        const decision = awaitingPromotion(settled, a, b, { isLocal, leader });
        assertChinese(decision.reason);
        assertChinese(`split brain: ${decision.reason}`);
        kinds.add(decision.kind);
      },
    ),
    { numRuns: 3000, seed: 20_261_130 },
  );
  assert.ok(kinds.size >= 5, [...kinds].join());
});

test('split brains read well', () => {
  const said = (text: string): string => saidText(text, 'zh');
  assert.equal(
    said('both sides were written independently: resolve it by hand'),
    '两侧各自独立写入过：请人工处理',
  );
  assert.equal(
    said('split brain: the changes of n2 are discarded (by the operator’s word)'),
    '脑裂：放弃 n2 的改动（按操作员的指示）',
  );
  assert.equal(said('the rescue journal is full'), '救援日志已满');
});
