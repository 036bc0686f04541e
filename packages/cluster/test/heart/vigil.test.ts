import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../src/heart/lease-client.ts';
import { CLEAR_ALLOWANCE_MS, Vigil } from '../../src/heart/vigil.ts';

const lease = (validUntilBootMs: number): ReadonlyMap<string, Lease> =>
  new Map([['db', { epoch: 1, validUntilBootMs, graceMs: 800, volumes: [] }]]);
const db = new Set(['db']);

test('a group on record is overdue when lease, grace and allowance are over; a new lease ends that', () => {
  const vigil = new Vigil();
  vigil.register(db, lease(10_000), 9_000);
  assert.equal(vigil.overdue(false, 10_800 + CLEAR_ALLOWANCE_MS), undefined);
  assert.match(vigil.overdue(false, 10_801 + CLEAR_ALLOWANCE_MS) ?? '', /group db is still here/);
  vigil.leased(lease(20_000));
  assert.equal(vigil.overdue(false, 12_000), undefined);
  vigil.leased(lease(15_000));
  assert.equal(vigil.overdue(false, 20_800), undefined, 'an end once known stands');
});

test('what the monitor has taken away is not overdue', () => {
  const vigil = new Vigil();
  vigil.register(db, lease(10_000), 9_000);
  assert.equal(vigil.isIdle, false);
  vigil.register(new Set(), new Map(), 11_000);
  assert.equal(vigil.overdue(false, 99_000), undefined);
  assert.equal(vigil.isIdle, true);
});

test('a group whose lease nobody knows has little time', () => {
  const vigil = new Vigil();
  vigil.register(db, new Map(), 1_000);
  vigil.register(db, new Map(), 1_500);
  assert.equal(vigil.overdue(false, 1_800 + CLEAR_ALLOWANCE_MS), undefined);
  assert.notEqual(vigil.overdue(false, 1_801 + CLEAR_ALLOWANCE_MS), undefined);
});

test('a condemned process that does not die is overdue after the allowance', () => {
  const vigil = new Vigil();
  assert.equal(vigil.overdue(true, 1_000), undefined);
  assert.equal(vigil.overdue(true, 1_000 + CLEAR_ALLOWANCE_MS), undefined);
  assert.match(vigil.overdue(true, 1_001 + CLEAR_ALLOWANCE_MS) ?? '', /does not die/);
  assert.equal(vigil.overdue(false, 3_000), undefined);
});
