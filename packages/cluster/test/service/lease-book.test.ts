import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseBook } from '../../src/service/leader/lease-book.ts';
import { LeaseRequests } from '../../src/service/leader/requests.ts';
import { timingOf } from '../../src/service/timing.ts';
import { emptyState } from '../../src/state/apply.ts';

const timing = timingOf(emptyState());
const request = { node: 'n1', bootId: 'a', sequence: 1, sentAtBootMs: 0 };
const heard = { request, receivedBootMs: 1000 };

test('a lease granted late still runs from the request, and never beyond the authority', () => {
  const book = new LeaseBook(0);
  assert.equal(book.grant(heard, 1100, 5000, timing), 650);
  assert.equal(book.remainingMs('n1', 1100), 550);
  assert.equal(book.provenGoneBootMs('n1', timing), 1650 + timing.graceMs + timing.marginMs);
  assert.equal(book.grant(heard, 1100, 1500, timing), 500);
  assert.equal(book.remainingMs('n1', 1100), 550, 'what was granted before stands');
});

test('nothing is granted of which too little would be left', () => {
  const book = new LeaseBook(0);
  assert.equal(book.grant(heard, 1600, 5000, timing), 0);
  assert.equal(book.grant(heard, 1100, 1150, timing), 0);
  assert.equal(book.grant(heard, 1100, Number.NEGATIVE_INFINITY, timing), 0);
  assert.equal(book.remainingMs('n1', 1100), null);
});

test('of a node the newest request counts, with the time when its first copy came', () => {
  const requests = new LeaseRequests();
  requests.take({ ...request, sequence: 2 }, 1000);
  requests.take({ ...request, sequence: 2 }, 1010);
  requests.take(request, 1020);
  assert.deepEqual([...requests.newest], [{ request: { ...request, sequence: 2 }, receivedBootMs: 1000 }]);
  requests.take({ ...request, bootId: 'b' }, 1030);
  assert.deepEqual([...requests.newest], [{ request: { ...request, bootId: 'b' }, receivedBootMs: 1030 }]);
});
