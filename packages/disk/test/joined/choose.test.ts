import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import { chooseLeg, type Choice, type LegStanding } from '../../src/joined/choose.ts';
import { NIL_UUID } from '../../src/metadata/index.ts';

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

function leg(name: string, part: Partial<LegStanding> = {}): LegStanding {
  return {
    name,
    term: { number: 5, grantor: 'g' },
    set: { version: 7, members: ['d1', 'd2'] },
    generations: { current: uuid(1), bitmaps: {}, history: [] },
    justCreated: false,
    diskState: 'UpToDate',
    ...part,
  };
}

const fresh = (name: string): LegStanding =>
  leg(name, {
    term: { number: 0, grantor: '' },
    set: { version: 0, members: [] },
    generations: { current: NIL_UUID, bitmaps: {}, history: [] },
    justCreated: true,
    diskState: 'Inconsistent',
  });

function choose(present: readonly LegStanding[], force = false): Choice {
  const result = chooseLeg({ present, force });
  if (result instanceof EterneError) throw result;
  return result;
}

describe('which device goes on', () => {
  test('one of the committed set, in a higher term', () => {
    const older = leg('d1', { set: { version: 6, members: ['d1', 'd2'] } });
    const newer = leg('d2', { set: { version: 8, members: ['d2'] } });
    assert.deepEqual(choose([older, newer]), { leg: 'd2', term: 6, setVersion: 9, grantor: 'g' });
    assert.equal(choose([leg('d1'), leg('d2')]).leg, 'd1');
    assert.equal(choose([newer]).leg, 'd2');
  });

  test('not while a member of it is away, but by force, under another grantor', () => {
    assert.throws(() => choose([leg('d2')]), /d1 is not there and may hold newer data/);
    assert.equal(choose([leg('d2')], true).grantor, undefined);
  });

  test('not a replaced device in place of one that may hold newer data', () => {
    assert.throws(() => choose([fresh('d1'), leg('d2')]), /d1 is not there/);
  });

  test('never one outside the set, nor a half-copied one, unless by force', () => {
    const outside = leg('d2', { set: { version: 8, members: ['d1'] } });
    assert.throws(() => choose([outside]), /newest copy is on d1/);
    assert.equal(choose([outside], true).leg, 'd2');
    assert.throws(() => choose([leg('d2', { diskState: 'Inconsistent' })], true), /newest copy/);
  });

  test('new ones only by force', () => {
    assert.throws(() => choose([fresh('d1'), fresh('d2')]), /new and empty/);
    assert.equal(choose([fresh('d1'), fresh('d2')], true).leg, 'd1');
    assert.equal(choose([fresh('d1'), leg('d2', { set: { version: 8, members: ['d2'] } })]).leg, 'd2');
    assert.throws(() => choose([]), /no device can be opened/);
  });

  test('of several grantors, whoever has what all others have', () => {
    const before = leg('d1', { term: { number: 9, grantor: 'g' } });
    const after = leg('d2', {
      term: { number: 6, grantor: 'h' },
      generations: { current: uuid(2), bitmaps: { d1: uuid(1) }, history: [uuid(1)] },
    });
    assert.deepEqual(choose([before, after]), { leg: 'd2', term: 10, setVersion: 8, grantor: 'h' });
    const parted = leg('d1', {
      term: { number: 9, grantor: 'g' },
      generations: { current: uuid(3), bitmaps: { d2: uuid(1) }, history: [uuid(1)] },
    });
    assert.throws(() => choose([parted, after]), /split brain/);
    assert.equal(choose([parted, after], true).leg, 'd1');
  });
});
