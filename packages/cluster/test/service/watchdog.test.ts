import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enforcementOf } from '../../src/service/leader/fencing.ts';
import { device } from '../fencing/device.ts';
import { FakeCluster, group, volume } from './fake-cluster.ts';

const WATCHDOG = { device: '/dev/watchdog', timeoutMs: 2000 };
/** Lease, grace, margin, and then what the watchdog may take: allowance and timeout. */
const SOFTWARE_MS = 650 + 800 + 100;
const WATCHDOG_MS = 1000 + 2000;

function pair(change: object): FakeCluster {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  configure(cluster, change);
  cluster.configure([volume('data', ['n1', 'n2'])], [group('db', ['n1', 'n2'], 'data')]);
  cluster.untilOnline('db', 'n1');
  cluster.machine('n1').disk.propose('data', ['n1', 'n2'], () => {});
  cluster.elect('w1');
  cluster.time.run(1000);
  return cluster;
}

function configure(cluster: FakeCluster, change: object): void {
  const { config, revision } = cluster.state();
  const changes = [{ kind: 'cluster' as const, config: { ...config, ...change } }];
  cluster.submit({ kind: 'configure', revision, changes, atMs: 0 });
}

test('nodes arm it and say so; a take-over then waits until it has fired for certain', () => {
  const cluster = pair({ watchdog: WATCHDOG });
  assert.equal(cluster.state().members['n1']?.watchdogMs, 2000);
  assert.equal(cluster.state().members['w1']?.watchdogMs, null, 'a witness carries nothing');
  assert.equal(enforcementOf(cluster.machine('w1').service.view, 'n1'), 'watchdog');
  cluster.powerOff('n1');
  const tookMs = cluster.untilOnline('db', 'n2', 10_000);
  assert(
    tookMs > SOFTWARE_MS - 650 + WATCHDOG_MS && tookMs < SOFTWARE_MS + WATCHDOG_MS + 200,
    `${tookMs} ms`,
  );
});

test('a confirmed fence makes that wait unnecessary, a failed one does not prolong it', () => {
  const fencing = [device({ node: 'n1' })];
  const quick = pair({ watchdog: WATCHDOG, fencing });
  quick.machine('n1').connected = false;
  quick.machine('n2').monitor.onFence = (node) => quick.powerOff(node);
  assert(quick.untilOnline('db', 'n2', 10_000) < SOFTWARE_MS + 500);
  const burnt = pair({ watchdog: WATCHDOG, fencing });
  burnt.machine('n2').monitor.failures.set('fence n1', 'burnt');
  burnt.powerOff('n1');
  burnt.untilOnline('db', 'n2', 10_000);
});

test('the log hears that it is off before the heart disarms it', () => {
  const cluster = pair({ watchdog: WATCHDOG });
  const { heart } = cluster.machine('n1');
  let early = false;
  const watch = cluster.time.every(1, () => {
    early ||= heart.watchdog === null && cluster.state().members['n1']?.watchdogMs !== null;
  });
  configure(cluster, { watchdog: null });
  cluster.time.run(500);
  watch.cancel();
  assert.equal(heart.watchdog, null);
  assert.equal(early, false);
  assert.equal(enforcementOf(cluster.machine('w1').service.view, 'n1'), 'software');
});

test('a watchdog that is lost is no proof any more, nor is one of an earlier life', () => {
  const cluster = pair({ watchdog: WATCHDOG });
  cluster.machine('n1').heart.tellWatchdog({ armedMs: null, trouble: 'pulled out' });
  cluster.time.run(100);
  assert.equal(cluster.state().members['n1']?.watchdogMs, null);
  assert.match(cluster.machine('n1').service.view.watchdog?.trouble ?? '', /pulled out/);
  assert(cluster.state().members['n2']?.watchdogMs === 2000);
  cluster.powerOff('n2');
  // The heart of the next life knows nothing of it.
  cluster.machine('n2').heart.watchdog = null;
  cluster.powerOn('n2');
  cluster.time.until(() => cluster.state().members['n2']?.watchdogMs === null, 2000, 'forgotten');
  cluster.time.until(() => cluster.state().members['n2']?.watchdogMs === 2000, 2000, 'armed again');
});
