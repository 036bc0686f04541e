import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mutate } from '../../src/mutants/plant.ts';
import { MUTANTS, type Mutant } from '../../src/mutants/registry.ts';

const PACKAGES = new URL('../../../', import.meta.url);

test('every mutant still finds its place, and changes it', () => {
  for (const mutant of MUTANTS) {
    const source = readFileSync(new URL(mutant.file, PACKAGES), 'utf8');
    assert.notEqual(mutate(mutant, source), source, mutant.name);
  }
});

test('mutants have names of their own', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

test('a mutant whose place is gone, or not the only one, fails loudly', () => {
  const mutant: Mutant = { name: 'm', scenario: 'mirror', file: 'x.ts', edits: [['ack()', 'nothing()']] };
  assert.equal(mutate(mutant, 'a; ack(); b'), 'a; nothing(); b');
  assert.throws(() => mutate(mutant, 'a; b'), /occurs 0 times/);
  assert.throws(() => mutate(mutant, 'ack(); ack()'), /occurs 2 times/);
});
