import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeProcessTrees } from '../src/node/process-trees.ts';

test('a marked family dies whole, the daemon that left its session too', async () => {
  const mark = `ETERNE_TEST_MARK=${randomUUID()}`;
  const [name = '', value = ''] = mark.split('=');
  const env = { PATH: process.env['PATH'] ?? '', [name]: value };
  const shell = spawn('/bin/sh', ['-c', 'setsid sleep 1000 & echo started; exec sleep 1000'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(shell.stdout, 'data');
  await sleep(50);
  assert.equal(nodeProcessTrees.killMarked(`${mark}0`), 0, 'a longer mark is another mark');
  assert.equal(nodeProcessTrees.killMarked(mark), 2);
  const [code, signal] = (await once(shell, 'exit')) as [number | null, string | null];
  assert.deepEqual([code, signal], [null, 'SIGKILL']);
  for (let tries = 0; nodeProcessTrees.killMarked(mark) > 0; tries += 1) {
    assert.ok(tries < 50, 'the family is gone');
    await sleep(10);
  }
});
