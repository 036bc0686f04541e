import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startWorker } from '@eterne/runtime/node/worker.ts';
import { WorkerWatch } from '../../src/process/worker-watch.ts';
import { Scheduler, portsOf } from '../engine/support/scheduler.ts';

const DISK_TIMEOUT_MS = 10_000;
const SECOND_MS = 1000;

/** A worker that is silent from its start, and waits for a processor as `waited` says. */
function silent(waited: (nowMs: number) => number | undefined) {
  const scheduler = new Scheduler();
  const { timers } = portsOf(scheduler, () => false);
  let hungAfterMs: number | undefined;
  const watch = new WorkerWatch(timers, DISK_TIMEOUT_MS, {
    ask: () => {},
    hung: (silentMs) => (hungAfterMs = silentMs),
    waitedForProcessorMs: () => waited(scheduler.nowMs),
  });
  watch.started();
  return { scheduler, watch, hungAfterMs: () => hungAfterMs };
}

describe('a worker that does not answer', () => {
  for (const [what, waited] of [
    ['that waits for its disk', () => 17],
    ['of which the system says nothing', () => undefined],
    ['that waits a little for a processor', (nowMs: number) => nowMs / 4],
  ] as const)
    test(`and ${what} is hung`, () => {
      const { hungAfterMs, scheduler } = silent(waited);
      scheduler.runFor(DISK_TIMEOUT_MS + SECOND_MS / 2);
      assert.equal(hungAfterMs(), undefined);
      scheduler.runFor(SECOND_MS);
      assert.equal(hungAfterMs(), DISK_TIMEOUT_MS + SECOND_MS);
    });

  test('and gets no processor is not, for four times as long', () => {
    const { hungAfterMs, scheduler } = silent((nowMs) => 0.9 * nowMs);
    scheduler.runFor(4 * DISK_TIMEOUT_MS);
    assert.equal(hungAfterMs(), undefined);
    scheduler.runFor(2 * SECOND_MS);
    assert.notEqual(hungAfterMs(), undefined);
  });

  test('and is starved for a while before it hangs is hung after as many more ticks', () => {
    let asked = 0;
    const { hungAfterMs, scheduler } = silent(() => Math.min((asked += 1), 8) * SECOND_MS);
    scheduler.runFor(DISK_TIMEOUT_MS + 7.5 * SECOND_MS);
    assert.equal(hungAfterMs(), undefined);
    scheduler.runFor(SECOND_MS);
    assert.equal(hungAfterMs(), DISK_TIMEOUT_MS + 8 * SECOND_MS);
  });

  test('and answers at last has all the time again', () => {
    const { hungAfterMs, scheduler, watch } = silent(() => 0);
    scheduler.runFor(DISK_TIMEOUT_MS);
    watch.heard();
    scheduler.runFor(DISK_TIMEOUT_MS);
    assert.equal(hungAfterMs(), undefined);
  });
});

test('the system says for how long a real worker waited for a processor', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const module = new URL('../support/fake-volume-worker.ts', import.meta.url).pathname;
  const worker = startWorker(module, [], { onMessage: () => {}, onExit: () => resolve() });
  const waitedMs = worker.waitedForProcessorMs();
  assert.ok(waitedMs !== undefined && waitedMs >= 0 && Number.isFinite(waitedMs), `${waitedMs} ms`);
  worker.kill('SIGKILL');
  await promise;
});
