import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessExit, SpawnOptions } from '../src/index.ts';
import { nodeProcesses } from '../src/node/processes.ts';

const run = (options: SpawnOptions): Promise<ProcessExit> =>
  new Promise((resolve) => nodeProcesses.spawn(options, resolve));

test('exit code, output and input of a program', async () => {
  const exit = await run({ command: ['/bin/sh', '-c', 'cat; echo err >&2; exit 7'], stdin: 'hello' });
  assert.deepEqual([exit.code, exit.stdout, exit.stderr, exit.timedOut], [7, 'hello', 'err\n', false]);
});

test('what a program prints is told when it comes, all of it, however little is kept', async () => {
  let heard = '';
  const onStdout = (text: string): void => void (heard += text);
  const exit = await run({ command: ['/bin/sh', '-c', 'seq 9; seq 9'], captureBytes: 4, onStdout });
  assert.deepEqual([heard, exit.stdout], ['1\n2\n3\n4\n5\n6\n7\n8\n9\n'.repeat(2), '8\n9\n']);
});

test('a program that overruns is killed with its whole family', async () => {
  const exit = await run({ command: ['/bin/sh', '-c', 'sleep 60 & echo $!; sleep 60'], timeoutMs: 2000 });
  assert.equal(exit.timedOut, true);
  assert.equal(exit.signal, 'SIGKILL');
  const orphan = Number(exit.stdout.trim());
  assert.ok(orphan > 0);
  // Nobody tells when it has gone: it is no child of ours.
  for (const startedMs = performance.now(); nodeProcesses.startTime(orphan) !== undefined;) {
    assert.ok(performance.now() - startedMs < 30_000, 'its family is gone');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('a program that cannot be started is an error, not an exception', async () => {
  const exit = await run({ command: ['/no/such/program'], detached: true });
  assert.equal(exit.startError?.code, 'not-found');
});

test('pid and start time identify a process', () => {
  const time = nodeProcesses.startTime(process.pid);
  assert.ok(time !== undefined);
  assert.equal(nodeProcesses.alive(process.pid, time), true);
  assert.equal(nodeProcesses.alive(process.pid, '1'), false);
});
