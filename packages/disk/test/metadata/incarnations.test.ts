/** A disk and its peers, over attaches, meetings, and disks put back: whoever was put back behind a meeting is found out by that peer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Random } from '@eterne/runtime';
import {
  attached,
  FORMER_INCARNATIONS,
  hasForgotten,
  type Incarnations,
  madeWhole,
  witnessedOf,
} from '../../src/metadata/incarnations.ts';

const NEW: Incarnations = { incarnation: 0, formerIncarnations: [] };

/** A sequence without repeats within a test. */
function chance(): Random {
  let next = 0;
  return { bytes: (n: number) => Buffer.alloc(n), below: () => (next += 7), uuid: () => '' };
}

/** What the disk says of itself, and all incarnations that its content has gone through: the truth, without a bound. */
interface Copy {
  readonly disk: Incarnations;
  readonly lived: ReadonlySet<number>;
}

function attach({ disk, lived }: Copy, random: Random): Copy {
  const next = attached(disk, random);
  return { disk: next, lived: new Set([...lived, next.incarnation]) };
}

test('a peer tells a disk that has not lived what the peer has met, and no other', () => {
  const step = fc.constantFrom('attach', 'meet', 'keep', 'put back');
  fc.assert(
    fc.property(fc.array(step, { maxLength: FORMER_INCARNATIONS }), (steps) => {
      const random = chance();
      let copy = attach({ disk: NEW, lived: new Set() }, random);
      let kept = copy;
      let met = 0;
      for (const step of steps) {
        if (step === 'attach') copy = attach(copy, random);
        if (step === 'keep') kept = copy;
        if (step === 'put back') copy = attach(kept, random);
        if (step !== 'meet') continue;
        const isPutBack = met !== 0 && !copy.lived.has(met);
        assert.equal(hasForgotten(copy.disk, met), isPutBack, steps.join());
        met = witnessedOf(copy.disk, met);
        copy = { disk: madeWhole(copy.disk, met), lived: new Set([...copy.lived, met]) };
        assert.equal(hasForgotten(copy.disk, met), false, 'made whole');
      }
    }),
    { numRuns: 2_000, seed: 1 },
  );
});

test('incarnations rise, and a bounded number of them is remembered', () => {
  const random = chance();
  let disk = attached(NEW, random);
  const first = disk.incarnation;
  for (let i = 0; i < 40; i += 1) {
    const next = attached(disk, random);
    assert.ok(next.incarnation > disk.incarnation);
    disk = next;
  }
  assert.equal(disk.formerIncarnations.length, FORMER_INCARNATIONS);
  assert.equal(hasForgotten(disk, first), false, 'a peer that was away for long has to take its word');
});

test('what an attach or a copy changes is the incarnations, and nothing else of the state', () => {
  const state = { ...NEW, incarnation: 5, volumeUuid: 'old' };
  assert.deepEqual(madeWhole(state, 5), { incarnation: 5, formerIncarnations: [] });
  assert.deepEqual(Object.keys(madeWhole(state, 9)).toSorted(), ['formerIncarnations', 'incarnation']);
  assert.deepEqual(Object.keys(attached(state, chance())).toSorted(), ['formerIncarnations', 'incarnation']);
});

test('a disk that was put back and made whole has forgotten nothing in the eyes of a peer that met it later than its source', () => {
  const random = chance();
  const kept = attached(NEW, random);
  const metBySource = attached(kept, random);
  const metByThird = attached(attached(metBySource, random), random);
  const putBack = attached(kept, random);
  const whole = madeWhole(putBack, metBySource.incarnation);
  assert.equal(hasForgotten(putBack, metByThird.incarnation), true);
  assert.equal(hasForgotten(whole, metByThird.incarnation), false);
  // Put back once more, to before it was whole or after it, it is found out by whoever met it since.
  assert.equal(hasForgotten(attached(kept, random), whole.incarnation), true);
  const metSince = attached(whole, random);
  assert.equal(hasForgotten(attached(whole, random), metSince.incarnation), true);
});
