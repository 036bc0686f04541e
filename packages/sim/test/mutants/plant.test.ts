import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mutate } from '../../src/mutants/plant.ts';
import { MUTANTS, type Change } from '../../src/mutants/registry.ts';

const PACKAGES = new URL('../../../', import.meta.url);

test('every mutant still finds its place, and changes it', () => {
  for (const { name, changes } of MUTANTS)
    for (const change of changes) {
      const source = readFileSync(new URL(change.file, PACKAGES), 'utf8');
      assert.notEqual(mutate(name, change, source), source, name);
    }
});

test('mutants have names of their own', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

test('a mutant whose place is gone, or not the only one, fails loudly', () => {
  const change: Change = { file: 'x.ts', edits: [['ack()', 'nothing()']] };
  assert.equal(mutate('m', change, 'a; ack(); b'), 'a; nothing(); b');
  assert.throws(() => mutate('m', change, 'a; b'), /occurs 0 times/);
  assert.throws(() => mutate('m', change, 'ack(); ack()'), /occurs 2 times/);
});
