import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseClient } from '../../src/heart/lease-client.ts';

const session = 'a'.repeat(32);
const db = { group: 'db', epoch: 1, volumes: ['v'] };
const grant = (number: number, entries = [db]) => ({
  session,
  number,
  durationMs: 650,
  graceMs: 800,
  entries,
});
const until = (client: LeaseClient): number | undefined => client.leases.get('db')?.validUntilBootMs;

test('a lease runs from the sending of its request, however late the grant arrives', () => {
  const client = new LeaseClient(session);
  const { number } = client.request(1000);
  client.request(1150);
  client.grant(grant(number));
  assert.equal(until(client), 1650);
});

test('a grant for another session or an unknown request gives nothing', () => {
  const client = new LeaseClient(session);
  const { number } = client.request(1000);
  assert.equal(client.grant({ ...grant(number), session: 'b'.repeat(32) }), undefined);
  assert.equal(client.grant(grant(number + 1)), undefined);
  assert.equal(until(client), undefined);
});

test('a late grant never shortens a lease', () => {
  const client = new LeaseClient(session);
  const first = client.request(1000);
  const second = client.request(1150);
  client.grant(grant(second.number));
  assert.deepEqual(client.grant(grant(first.number)), []);
  assert.equal(until(client), 1800);
});

test('an older epoch is ignored, a newer one replaces', () => {
  const client = new LeaseClient(session);
  const { number } = client.request(1000);
  client.grant(grant(number, [{ group: 'db', epoch: 2, volumes: ['v'] }]));
  assert.deepEqual(client.grant(grant(client.request(1150).number)), []);
  assert.equal(client.leases.get('db')?.epoch, 2);
  client.grant(grant(client.request(1300).number, [{ group: 'db', epoch: 3, volumes: ['w'] }]));
  assert.deepEqual(client.leases.get('db')?.volumes, ['w']);
});

test('a request that is too old counts no more, and the memory of requests is bounded', () => {
  const client = new LeaseClient(session);
  const { number } = client.request(1000);
  for (let index = 0; index < 32; index += 1) client.request(1000 + index);
  assert.equal(client.grant(grant(number)), undefined);
});

test('a lapsed lease is forgotten only after its grace', () => {
  const client = new LeaseClient(session);
  client.grant(grant(client.request(1000).number));
  client.forgetLapsed(1650 + 800);
  assert.equal(until(client), 1650);
  client.forgetLapsed(1650 + 801);
  assert.equal(until(client), undefined);
});
