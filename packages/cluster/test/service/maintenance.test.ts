import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveFacade } from '../../src/service/service-facade.ts';
import { FakeCluster, group } from './fake-cluster.ts';

function pair(): FakeCluster {
  const made = new FakeCluster(['n1', 'n2', 'w1']);
  made.configure([], [group('db', ['n1', 'n2']), group('web', ['n1', 'n2'])]);
  made.untilOnline('db', 'n1');
  made.untilOnline('web', 'n1');
  made.elect('w1');
  made.time.run(500);
  return made;
}

function crash(made: FakeCluster, name: string): void {
  made.machine('n1').monitor.crash(name, 'app');
  made.time.run(2000);
}

test('a group in maintenance is neither restarted nor moved; the others are', () => {
  const made = pair();
  made.submit({ kind: 'group-maintenance', group: 'db', on: true, atMs: 0 });
  crash(made, 'db');
  crash(made, 'web');
  assert(!made.runs('db', 'n1'));
  assert(made.runs('web', 'n1'));
  assert.throws(
    () => made.submit({ kind: 'group-move', group: 'db', to: 'n2', reason: '', displaces: false, atMs: 0 }),
    /group db is not moved: the group is in maintenance/,
  );
  made.submit({ kind: 'node-mode', name: 'n1', mode: 'standby', atMs: 0 });
  made.untilOnline('web', 'n2');
  assert.equal(made.group('db').owner, 'n1');
});

test('what happened during maintenance is dealt with when it is over', () => {
  const made = pair();
  made.submit({ kind: 'group-maintenance', group: 'db', on: true, atMs: 0 });
  crash(made, 'db');
  made.submit({ kind: 'group-maintenance', group: 'db', on: false, atMs: 0 });
  made.machine('n1').monitor.crash('db', 'app');
  made.time.until(() => made.runs('db', 'n1'), 3000, 'restarted in place');
});

test('with the whole cluster in maintenance even the loss of a node moves nothing', () => {
  const made = pair();
  made.submit({ kind: 'cluster-maintenance', on: true, atMs: 0 });
  made.powerOff('n1');
  made.time.run(10_000);
  assert.equal(made.group('db').owner, 'n1');
  assert.equal(
    new LiveFacade(made.machine('n2').service, { clock: made.time, timers: made.time }).status().groups[0]
      ?.reason,
    'n1 is not heard, and nothing is done about it: the whole cluster is in maintenance',
  );
  made.submit({ kind: 'cluster-maintenance', on: false, atMs: 0 });
  made.untilOnline('db', 'n2');
});

test('the maintenance of its node keeps a displaced group from going home', () => {
  const made = pair();
  made.submit({ kind: 'node-mode', name: 'n1', mode: 'standby', atMs: 0 });
  made.untilOnline('db', 'n2');
  const spec = { ...made.group('db').spec, failback: { enabled: true, window: null } };
  made.configure([], [spec]);
  made.submit({ kind: 'node-mode', name: 'n2', mode: 'maintenance', atMs: 0 });
  made.submit({ kind: 'node-mode', name: 'n1', mode: 'active', atMs: 0 });
  made.time.run(20_000);
  assert.equal(made.group('db').owner, 'n2');
  assert.equal(made.group('db').move, null);
  made.submit({ kind: 'node-mode', name: 'n2', mode: 'active', atMs: 0 });
  made.untilOnline('db', 'n1');
});
