import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EterneError } from '@eterne/base';
import { StoreOperations, WaitingTime, type BlockStore, type StoreError } from '../src/index.ts';
import { nodeStores } from '../src/node/stores.ts';

/** Like a process that is stopped: no callback runs, the clock and the kernel go on. */
const standStill = (forMs: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);

test('it is over after the whole time-out in ticks, however late they come', () => {
  const waiting = new WaitingTime(30_000);
  assert.equal(waiting.tickMs, 1000);
  waiting.tick();
  const since = waiting.ticks;
  for (let ticks = 1; ticks <= 30; ticks += 1) {
    waiting.tick();
    assert.equal(waiting.isOver(since), false, `${ticks} ticks, the first of them may have come at once`);
  }
  waiting.tick();
  assert.equal(waiting.isOver(since), true);
  assert.equal(new WaitingTime(200).tickMs, 50);
});

test('the oldest operation tells whether a store hangs', () => {
  const operations = new StoreOperations(1000);
  const ended: (StoreError | undefined)[] = [];
  const first = operations.begin((error) => ended.push(error));
  for (let ticks = 0; ticks < 4; ticks += 1) assert.equal(operations.tick(), false);
  operations.begin((error) => ended.push(error));
  operations.end(first, undefined);
  for (let ticks = 0; ticks < 4; ticks += 1) assert.equal(operations.tick(), false);
  assert.equal(operations.tick(), true);
  operations.giveUp({ kind: 'timeout', errno: 'ETIMEDOUT', message: 'late' });
  assert.deepEqual(
    ended.map((error) => error?.kind),
    [undefined, 'timeout'],
  );
  assert.equal(operations.tick(), false, 'nothing is under way');
});

test('a process that stood still for longer than the time-out has lost no disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-waiting-'));
  after(() => rmSync(folder, { recursive: true }));
  const store = await new Promise<BlockStore>((resolve, reject) =>
    nodeStores.open(join(folder, 'a.img'), { createSizeBytes: 1 << 20, timeoutMs: 200 }, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    ),
  );
  const flushed = new Promise<StoreError | undefined>((resolve) => store.flush(resolve));
  standStill(600);
  assert.equal(await flushed, undefined);
  assert.equal(await new Promise((resolve) => store.write(0, Buffer.alloc(512), resolve)), undefined);
  await new Promise<void>((resolve) => store.close(resolve));
});
