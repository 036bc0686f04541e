/** Which of two logs goes on from the other: pure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  kinship,
  LINEAGE_MAX,
  rootOf,
  survivor,
  trimmed,
  unwrap,
  wrap,
  type Half,
  type Kinship,
  type Lineage,
} from '../../src/raft/tie/lineage.ts';

const half = (id: string, node = 'n1', over: Partial<Half> = {}): Half => ({
  id,
  node,
  groups: 0,
  atMs: 5,
  knowsAll: true,
  ...over,
});
const [root] = rootOf('~tie#solo-1') as [Half];
const [a, b, c] = [half('a'), half('b', 'n2'), half('c')];
const lossy = half('l', 'n1', { knowsAll: false });
const kindOf = (mine: Lineage, theirs: Lineage): Kinship['kind'] => kinship(mine, theirs).kind;

test('a log that the other goes on from is behind it; two that both went on have parted', () => {
  assert.equal(kindOf([root], [root]), 'same');
  assert.equal(kindOf([root, a], [root]), 'behind');
  assert.equal(kindOf([root], [root, a, c]), 'ahead');
  assert.deepEqual(kinship([root, a], [root, b]), { kind: 'parted', mine: a, theirs: b });
  assert.deepEqual(kinship([root, a, c], [root, a, b]), { kind: 'parted', mine: c, theirs: b });
});

test('what was begun without knowing everything goes on from nobody', () => {
  assert.deepEqual(kinship([root, lossy], [root]), { kind: 'parted', mine: lossy, theirs: undefined });
  assert.deepEqual(kinship([root], [root, lossy]), { kind: 'parted', mine: undefined, theirs: lossy });
  assert.equal(kindOf([root, lossy], [root, lossy]), 'same');
});

test('what both have may be left out on either side', () => {
  assert.deepEqual(trimmed([root, a], [root, a]), [a]);
  assert.deepEqual(trimmed([root, a], [root]), [root, a]);
  assert.equal(kindOf([a], [root, a]), 'same');
  assert.equal(kindOf([root, a, b], [a]), 'behind');
  assert.equal(kindOf([a], [root, a, b]), 'ahead');
  assert.equal(kindOf([a, c], [root, a, b]), 'parted');
  assert.deepEqual(kinship([a], [b]), { kind: 'parted', mine: undefined, theirs: undefined });
});

test('both sides find the same survivor: who owned more, else the first by name, else who was let go on', () => {
  const mirrored = { mine: 'theirs', theirs: 'mine' } as const;
  const cases: readonly [Half | undefined, Half | undefined, 'mine' | 'theirs' | undefined][] = [
    [a, b, 'mine'],
    [a, half('b', 'n2', { groups: 1 }), 'theirs'],
    [half('a', 'n1', { groups: 2 }), half('b', 'n2', { groups: 1 }), 'mine'],
    [lossy, undefined, 'mine'],
    [undefined, undefined, undefined],
    [a, c, undefined],
  ];
  for (const [mine, theirs, expected] of cases) {
    assert.equal(survivor(mine, theirs), expected);
    assert.equal(survivor(theirs, mine), expected && mirrored[expected]);
  }
});

test('a message carries the lineage in front of it; one without is left as it is', () => {
  const message = Buffer.from([3, 1, 2]);
  assert.deepEqual(unwrap(message), { lineage: undefined, message });
  const told = wrap([root, lossy], message);
  assert.equal(
    told.toString('hex'),
    'c802' +
      '0b7e74696523736f6c6f2d31' +
      '00' +
      '00000000' +
      '0000000000000000' +
      '01' +
      '016c' +
      '026e31' +
      '00000000' +
      '0500000000000000' +
      '00' +
      '030102',
  );
  assert.deepEqual(unwrap(told), { lineage: [root, lossy], message });
});

test('no more halves are read than anybody may have, and no half of a lineage', () => {
  const halves = Array.from({ length: LINEAGE_MAX + 1 }, (_, index) => half(`h${index}`));
  assert.equal(unwrap(wrap(halves, Buffer.alloc(0))).lineage?.length, LINEAGE_MAX + 1);
  assert.throws(() => unwrap(wrap([...halves, a], Buffer.alloc(0))), /18 halves/);
  assert.throws(() => unwrap(wrap([], Buffer.alloc(0))), /0 halves/);
  const whole = wrap([root, a], Buffer.alloc(0));
  for (let length = 1; length < whole.length; length += 1)
    assert.throws(() => unwrap(whole.subarray(0, length)), `${length} bytes`);
});
