/** Checks that take long, and commands that the kernel does not let go: what is not known is called neither stopped nor failed, and what does not end has failed. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Monitor, type MonitorHands } from '../../src/monitor/monitor.ts';
import type { ActionResult, ResourceReport, ResourceSpec, ResourceState } from '../../src/ports.ts';
import { app, FakeHeart, makeHands } from './hands.ts';

const TIMEOUT_MS = 20_000;

class Bench {
  readonly monitor: Monitor;
  readonly states: ResourceState[] = [];
  readonly #heart = new FakeHeart();
  #wanted: { readonly state: ResourceState; readonly found: (report: ResourceReport) => void } | undefined;

  private constructor(hands: MonitorHands) {
    this.monitor = new Monitor(hands, this.#heart);
    this.monitor.onReport((reports) => {
      for (const report of reports) {
        this.states.push(report.state);
        if (report.state === this.#wanted?.state) this.#wanted.found(report);
      }
    });
  }

  static async open(context: TestContext, hands: MonitorHands): Promise<Bench> {
    const bench = new Bench(hands);
    context.after(() => bench.monitor.close());
    assert.equal(await new Promise((resolve) => bench.monitor.open(resolve)), undefined);
    bench.#heart.lease('g', 1, hands.world.clock.bootMs() + TIMEOUT_MS);
    return bench;
  }

  start(spec: ResourceSpec): Promise<ActionResult> {
    return new Promise((resolve) => this.monitor.start(spec, 1, TIMEOUT_MS, resolve));
  }

  stop(spec: ResourceSpec, timeoutMs: number): Promise<ActionResult> {
    return new Promise((resolve) => this.monitor.stop(spec, timeoutMs, resolve));
  }

  probe(spec: ResourceSpec): Promise<ResourceState> {
    return new Promise((resolve) => this.monitor.probe(spec, resolve));
  }

  kill(): Promise<unknown> {
    return new Promise((resolve) => this.monitor.kill('g', resolve));
  }

  reported(state: ResourceState): Promise<ResourceReport> {
    return new Promise((found) => (this.#wanted = { state, found }));
  }
}

/** Whose checks take 1.5 s once `slow` is there. */
function slowApp(slow: string): ResourceSpec {
  const command = ['/bin/sh', '-c', `if [ -e ${slow} ]; then sleep 1.5; fi`];
  const quick = { command, interval: '100ms', timeout: '10s' };
  return app({ command: ['/bin/sleep', '1000'], check: { quick } });
}

test('a restarted monitor calls nothing stopped or failed that it has not looked at yet', async (context) => {
  const hands = await makeHands(context);
  const [slow, first] = [join(hands.dir, 'slow'), await Bench.open(context, hands)];
  const spec = slowApp(slow);
  assert.equal((await first.start(spec)).ok, true);
  writeFileSync(slow, '');
  first.monitor.close();
  const next = await Bench.open(context, hands);
  assert.equal(await next.probe(spec), 'unknown');
  await next.reported('running');
  assert.deepEqual([...new Set(next.states)], ['unknown', 'running']);
  await next.kill();
});

test('a probe that takes long is answered by what the checks have seen', async (context) => {
  const hands = await makeHands(context);
  const [slow, bench] = [join(hands.dir, 'slow'), await Bench.open(context, hands)];
  const spec = slowApp(slow);
  assert.equal((await bench.start(spec)).ok, true);
  writeFileSync(slow, '');
  const startedMs = performance.now();
  assert.equal(await bench.probe(spec), 'running');
  assert(performance.now() - startedMs < 1400, 'before the check has ended');
  await bench.kill();
});

/** With a systemctl whose `verb` does not end, however it is killed. */
async function withHanging(context: TestContext, verb: string): Promise<MonitorHands> {
  const real = await makeHands(context);
  const { processes } = real.world;
  const spawn: typeof processes.spawn = (options, onExit) => {
    if (options.command[1] === verb) return { pid: undefined, startTime: undefined, kill: () => {} };
    return processes.spawn({ ...options, command: ['/bin/true'] }, onExit);
  };
  return { ...real, world: { ...real.world, processes: { ...processes, spawn } } };
}

const unit = (params: ResourceSpec['params'] = {}): ResourceSpec => ({
  group: 'g',
  name: 'web',
  type: 'systemd:web',
  params,
});

test('a stop that does not end has failed', async (context) => {
  const bench = await Bench.open(context, await withHanging(context, 'stop'));
  assert.equal((await bench.start(unit())).ok, true);
  const { ok, reason } = await bench.stop(unit(), 300);
  assert.deepEqual([ok, reason], [false, 'its stop does not end within 300 ms']);
  assert.equal(bench.monitor.reports[0]?.state, 'failed');
});

test('a check that does not end says that the resource has failed', async (context) => {
  const bench = await Bench.open(context, await withHanging(context, 'is-active'));
  const failed = bench.reported('failed');
  assert.equal((await bench.start(unit({ check: { interval: '100ms', timeout: '200ms' } }))).ok, true);
  assert.equal((await failed).reason, 'its quick check does not end within 1700 ms');
});
