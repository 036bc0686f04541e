import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeProcessTrees } from '../src/node/process-trees.ts';
import { nodeProcesses } from '../src/node/processes.ts';

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

/** Writes over the whole of its environment, in a session of its own. */
const TITLED = 'use POSIX; POSIX::setsid(); $0 = "session " x 9999; $| = 1; print "titled\\n"; sleep 1000';

test('a marked process takes along the child that left its session and has written its title over its environment', async (context) => {
  const mark = `ETERNE_TEST_MARK=${randomUUID()}`;
  const [name = '', value = ''] = mark.split('=');
  const env = { PATH: process.env['PATH'] ?? '', [name]: value, TITLED };
  const parent = spawn('/bin/sh', ['-c', 'perl -e "$TITLED" & echo $!; exec sleep 1000'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  for await (const chunk of parent.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes('titled')) break;
  }
  const child = Number(/\d+/.exec(said)?.[0]);
  const startTime = nodeProcesses.startTime(child) ?? '';
  context.after(() => {
    parent.stdout.destroy();
    nodeProcesses.killGroup(child, 'SIGKILL');
  });
  assert.equal(readFileSync(`/proc/${child}/environ`).includes(mark), false, 'it does not show its mark');
  assert.equal(nodeProcessTrees.killMarked(mark), 2);
  for (let tries = 0; nodeProcessTrees.killMarked(mark) > 0; tries += 1) {
    assert.ok(tries < 50, 'the family is gone');
    await sleep(10);
  }
  assert.equal(nodeProcesses.alive(child, startTime), false);
});
