import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { SpawnOptions } from '@eterne/runtime';
import { Monitor, type MonitorHands } from '../../src/monitor/monitor.ts';
import type { ActionResult, ResourceSpec } from '../../src/ports.ts';
import { FakeHeart, makeHands } from './hands.ts';

const TIMEOUT_MS = 20_000;

/** What a start, and the stop after it, come to. */
async function startAndStop(
  context: TestContext,
  hands: MonitorHands,
  type: string,
): Promise<readonly ActionResult[]> {
  const heart = new FakeHeart();
  const monitor = new Monitor(hands, heart);
  context.after(() => monitor.close());
  await new Promise<void>((resolve, reject) => monitor.open((error) => (error ? reject(error) : resolve())));
  heart.lease('g', 1, hands.world.clock.bootMs() + TIMEOUT_MS);
  const spec: ResourceSpec = { group: 'g', name: 'r', type, params: {} };
  const started = await new Promise<ActionResult>((resolve) => monitor.start(spec, 1, TIMEOUT_MS, resolve));
  const stopped = await new Promise<ActionResult>((resolve) => monitor.stop(spec, TIMEOUT_MS, resolve));
  return [started, stopped];
}

/** With a systemctl that ends like this. */
async function withSystemctl(context: TestContext, code: number): Promise<MonitorHands> {
  const real = await makeHands(context);
  const { processes } = real.world;
  const spawn: typeof processes.spawn = (options, onExit) => {
    const command: SpawnOptions['command'] = ['/bin/sh', '-c', `exit ${code}`];
    return processes.spawn({ ...options, command }, onExit);
  };
  return { ...real, world: { ...real.world, processes: { ...processes, spawn } } };
}

test('an OCF agent that is not on this node has started nothing, so that there is nothing to stop', async (context) => {
  const [started, stopped] = await startAndStop(
    context,
    await makeHands(context),
    'ocf:heartbeat:NoSuchAgent',
  );
  assert.equal(started?.ok, false);
  assert.deepEqual(stopped, { ok: true, reason: '', outputs: {} });
});

test('nor a unit of systemd that is not there; one whose start fails has to be stopped', async (context) => {
  const [NO_UNIT, FAILED] = [5, 1];
  const [started, stopped] = await startAndStop(
    context,
    await withSystemctl(context, NO_UNIT),
    'systemd:nope',
  );
  assert.deepEqual([started?.ok, stopped?.ok], [false, true]);
  const others = await startAndStop(context, await withSystemctl(context, FAILED), 'systemd:nope');
  assert.deepEqual(
    others.map(({ ok }) => ok),
    [false, false],
  );
});
