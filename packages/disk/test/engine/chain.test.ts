import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Chain, type Place } from '../../src/engine/chain.ts';

describe('Chain', () => {
  test('items leave from anywhere, once, and only from where they are', () => {
    const chain = new Chain<string>();
    const other = new Chain<string>();
    const [first, second, third] = ['first', 'second', 'third'].map((item) => chain.add(item));
    assert.equal(chain.delete(second), true);
    assert.equal(chain.delete(second), false);
    assert.equal(other.delete(first), false);
    assert.equal(chain.delete(undefined), false);
    assert.deepEqual([...chain], ['first', 'third']);
    assert.deepEqual([chain.has(first), chain.has(second), other.has(first)], [true, false, false]);
    assert.equal(chain.delete(third), true);
    assert.equal(chain.delete(first), true);
    assert.deepEqual([[...chain], chain.size], [[], 0]);
  });

  test('what is looked through may change meanwhile, as a Set may', () => {
    const step = fc.record({ leaves: fc.array(fc.nat(9), { maxLength: 6 }), joins: fc.nat(2) });
    const steps = fc.array(step, { maxLength: 12 });
    fc.assert(
      fc.property(fc.nat(8), steps, (count, script) => {
        const chain = new Chain<number>();
        const places: Place<number>[] = [];
        const join = (): unknown => places.push(chain.add(places.length));
        for (let item = 0; item < count; item += 1) join();
        const model = new Set(chain);
        const inChain = walk(chain, script, {
          join,
          leave: (item) => void chain.delete(places[item]),
        });
        let next = count;
        const inModel = walk(model, script, {
          join: () => model.add(next++),
          leave: (item) => void model.delete(item),
        });
        assert.deepEqual(inChain, inModel);
        assert.deepEqual([...chain], [...model]);
        assert.equal(chain.size, model.size);
      }),
    );
  });
});

/** What is met on the way through `items`, while the script's steps change them. */
function walk(
  items: Iterable<number>,
  script: readonly { readonly leaves: readonly number[]; readonly joins: number }[],
  change: { readonly join: () => unknown; readonly leave: (item: number) => void },
): readonly number[] {
  const met: number[] = [];
  for (const item of items) {
    const step = script[met.length];
    met.push(item);
    for (const leaving of step?.leaves ?? []) change.leave(leaving);
    for (let joined = 0; joined < (step?.joins ?? 0); joined += 1) change.join();
  }
  return met;
}
