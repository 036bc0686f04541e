import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { HISTORY_LENGTH } from '../../src/metadata/api.ts';
import { divided, NO_GENERATIONS } from '../../src/metadata/generations.ts';
import { derivedUuid } from '../../src/metadata/uuid.ts';
import { BLOCKS, Model } from './model.ts';

const index = fc.nat(5);
/** How far the other side of a link is from `index`. */
const other = fc.integer({ min: 1, max: 2 });
const event = fc.oneof(
  fc.record({ kind: fc.constantFrom('promote', 'demote', 'crash'), index }),
  fc.record({ kind: fc.constant('write'), index, block: fc.nat(BLOCKS - 1) }),
  fc.record({ kind: fc.constant('write'), index, block: fc.nat(BLOCKS - 1) }),
  fc.record({ kind: fc.constant('crashInWrite'), index, block: fc.nat(BLOCKS - 1), reached: fc.nat(2) }),
  fc.record({ kind: fc.constant('cut'), index, other }),
  fc.record({ kind: fc.constant('join'), index, other, copied: fc.nat(8), first: fc.boolean() }),
  fc.record({ kind: fc.constant('join'), index, other, copied: fc.constant(8), first: fc.boolean() }),
);

interface Event {
  readonly kind: string;
  readonly index: number;
  readonly block?: number;
  readonly reached?: number;
  readonly other?: number;
  readonly copied?: number;
  readonly first?: boolean;
}

function perform(model: Model, nodes: readonly string[], event: Event): void {
  const { index: at, block = 0, reached = 0, other: distance = 0, copied = 0, first = false } = event;
  const other = at + Math.min(distance, nodes.length - 1);
  switch (event.kind) {
    case 'promote':
      return model.promote(at);
    case 'demote':
      return model.demote(at);
    case 'crash':
      return model.crash(at);
    case 'write':
      return model.write(at, block);
    case 'crashInWrite':
      return model.crashInWrite(at, block, reached);
    case 'cut':
      return model.cut(nodes[at % nodes.length] ?? '', nodes[other % nodes.length] ?? '');
    default:
      return model.join(at, other, copied, first);
  }
}

/** Runs many histories; returns how often each outcome was reached, so that the test can tell that it saw something. */
function explore(
  nodes: readonly string[],
  numRuns: number,
): { splitBrains: number; bitmap: number; full: number } {
  const seen = { splitBrains: 0, bitmap: 0, full: 0 };
  fc.assert(
    fc.property(fc.array(event, { minLength: 10, maxLength: 100 }), (events) => {
      const model = new Model(nodes);
      // Else most histories end with replicas promoted apart, which stay unrelated for ever.
      model.promote(0);
      for (let peer = 1; peer < nodes.length; peer += 1) model.join(0, peer, 8, true);
      for (const one of events) perform(model, nodes, one);
      seen.splitBrains += model.splitBrains;
      seen.bitmap += model.syncs.bitmap;
      seen.full += model.syncs.full;
    }),
    { numRuns },
  );
  return seen;
}

describe('generations and handshake together', () => {
  it('never lose an acknowledged write nor miss a difference: two replicas', () => {
    const seen = explore(['a', 'b'], 3000);
    for (const count of Object.values(seen)) assert.ok(count > 50, JSON.stringify(seen));
  });

  it('a sync opened among equals and cut does not hide later writes (found by the test above)', () => {
    const model = new Model(['a', 'b']);
    model.promote(0);
    model.join(0, 1, 8, true);
    model.crashInWrite(0, 0, 0);
    model.promote(1);
    model.join(0, 1, 0, true);
    model.write(1, 0);
    model.demote(1);
    model.join(0, 1, 8, true);
    assert.deepEqual(model.replicas[0]?.content, model.replicas[1]?.content);
  });
});

describe('divided', () => {
  it('keeps what a peer already lacks, and a bounded history without repeats', () => {
    let generations = divided(NO_GENERATIONS, derivedUuid('0'), []);
    for (let round = 1; round <= 40; round += 1)
      generations = divided(generations, derivedUuid(String(round)), ['b']);
    assert.equal(generations.bitmaps['b'], derivedUuid('0'));
    assert.equal(generations.history.length, HISTORY_LENGTH);
    assert.equal(new Set(generations.history).size, HISTORY_LENGTH);
    assert.equal(generations.history[0], derivedUuid('39'));
  });
});
