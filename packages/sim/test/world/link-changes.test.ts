import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeLink } from '../../src/world/link-changes.ts';
import { Universe } from '../../src/world/universe.ts';

test('of two changes of a link each lasts until its own end, and nothing is left of them', () => {
  const universe = new Universe(1, { keepLines: false });
  const [a, b] = ['10.0.0.1', '10.0.0.2'].map((address) => universe.addNode(address, [address]));
  assert.ok(a !== undefined && b !== undefined);
  const link = universe.network.linkBetween(a, b);
  const before = { ...link };
  const endFirst = changeLink(link, { corruption: 0.1, loss: 0.5 });
  const endSecond = changeLink(link, { corruption: 0.2 });
  assert.deepEqual([link.corruption, link.loss], [0.2, 0.5]);
  universe.network.setLink(a, b, false);
  endFirst();
  assert.deepEqual([link.corruption, link.loss, link.up], [0.2, 0, false]);
  endSecond();
  universe.network.setLink(a, b, true);
  assert.deepEqual(link, before);
});
