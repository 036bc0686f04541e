import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard, type Registration } from '../../src/heart/guard.ts';

const app: Registration = {
  group: 'db',
  resource: 'app',
  processes: [{ pid: 1, startTime: '1' }],
  mark: 'M=1',
};
const unknown = (): undefined => undefined;

test('a group lives as long as its lease is lengthened, and not a moment longer', () => {
  const guard = new Guard();
  guard.register([app], () => 2000, 1000);
  guard.extend('db', 2500);
  guard.extend('db', 2200);
  assert.equal(guard.nextDeadlineMs, 2500);
  assert.deepEqual(guard.condemn(2499), []);
  assert.deepEqual(guard.condemn(2500), ['db']);
  assert.deepEqual(guard.condemned, [app]);
  assert.equal(guard.nextDeadlineMs, Number.POSITIVE_INFINITY);
});

test('the condemned stay condemned whatever comes after', () => {
  const guard = new Guard();
  guard.register([app], () => 2000, 1000);
  guard.condemn(2000);
  guard.extend('db', 9000);
  const next = { ...app, mark: 'M=2' };
  guard.register([next], () => 9000, 2001);
  assert.deepEqual(guard.condemned, [app]);
  guard.gone(app);
  assert.deepEqual(guard.condemned, []);
  assert.equal(guard.nextDeadlineMs, 9000);
});

test('a group without a known lease gets 800 ms', () => {
  const guard = new Guard();
  guard.register([app], unknown, 1000);
  guard.register([app], unknown, 1500);
  assert.deepEqual(guard.condemn(1799), []);
  assert.deepEqual(guard.condemn(1800), ['db']);
});

test('a lease that becomes known replaces the assumption, also when it ends sooner', () => {
  const guard = new Guard();
  guard.register([app], unknown, 1000);
  guard.extend('db', 1100);
  guard.extend('db', 1050);
  assert.equal(guard.nextDeadlineMs, 1100);
});

test('what is no longer registered is no longer guarded', () => {
  const guard = new Guard();
  guard.register([app], () => 2000, 1000);
  guard.register([], unknown, 1500);
  assert.deepEqual(guard.condemn(3000), []);
  assert.deepEqual(guard.condemned, []);
});
