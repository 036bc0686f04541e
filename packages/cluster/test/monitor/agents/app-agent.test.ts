/** A program in the hands of the user's own agent, within limits, and checks that run as whom the program runs as. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeProcesses } from '@eterne/runtime/node/processes.ts';
import { appAgent } from '../../../src/monitor/agents/app/agent.ts';
import { checkResourceParams } from '../../../src/monitor/agents/registry.ts';
import { makeHands } from '../hands.ts';
import { Subject, well } from './subject.ts';

const isRoot = process.getuid?.() === 0;

const AGENT = `#!/bin/sh
echo "$* $GREETING" >>"$LOG"
case "$1" in
  start) sleep 1000 & echo $! >"$PID" ;;
  stop) kill "$(cat "$PID")" 2>/dev/null; rm -f "$PID" ;;
  check) [ -f "$PID" ] && grep -q ') [^ZX] ' "/proc/$(cat "$PID")/stat" ;;
esac
`;

test('an agent of the user starts, checks and stops, and what it leaves running dies with it', async (context) => {
  const hands = await makeHands(context);
  const [agent, log, pid] = ['agent', 'said', 'pid'].map((name) => join(hands.dir, name));
  assert(agent && log && pid);
  writeFileSync(agent, AGENT);
  chmodSync(agent, 0o755);
  const env = { LOG: log, PID: pid, GREETING: 'hello' };
  const subject = new Subject(hands, appAgent, { agent: [agent], env });
  assert.match((await subject.check()).reason, /ended with 1/);
  await well(subject.start());
  assert.equal((await subject.check()).state, 'running');
  const child = Number(readFileSync(pid, 'utf8'));
  await well(subject.stop());
  // What has given back its memory, and with that its mark, ends by itself within moments.
  const isThere = (): boolean => nodeProcesses.startTime(child) !== undefined;
  for (const startedMs = performance.now(); isThere(); await sleep(20))
    assert(performance.now() - startedMs < 30_000);
  assert.deepEqual(readFileSync(log, 'utf8').trim().split('\n'), [
    'check hello',
    'start hello',
    'check hello',
    'stop hello',
  ]);
  await well(subject.start());
  await subject.abandon();
  assert.equal((await subject.check()).state, 'failed');
});

test('program and check command have the limits and the identity that were given', async (context) => {
  const hands = await makeHands(context);
  chmodSync(hands.dir, 0o755);
  const said = join(hands.dir, 'said');
  mkdirSync(said);
  chmodSync(said, 0o777);
  const note = (name: string): string =>
    `(ulimit -n; id -un) >${join(said, `${name}.part`)}; mv ${join(said, `${name}.part`)} ${join(said, name)}`;
  const subject = new Subject(hands, appAgent, {
    command: ['sh', '-c', `${note('program')}; exec sleep 1000`],
    limits: { nofile: 123 },
    ...(isRoot ? { user: 'nobody' } : {}),
    check: { quick: { command: ['sh', '-c', `${note('check')}; test -s ${join(said, 'program')}`] } },
  });
  await well(subject.start());
  await well(subject.stop());
  const expected = `123\n${isRoot ? 'nobody' : process.env['USER']}\n`;
  assert.equal(readFileSync(join(said, 'program'), 'utf8'), expected);
  assert.equal(readFileSync(join(said, 'check'), 'utf8'), expected);
});

test('what an app may not be', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{}, /either a command or an agent/],
    [{ command: ['x'], agent: ['y'] }, /either a command or an agent/],
    [{ command: ['x'], limits: { files: 3 } }, /not a limit: files/],
    [{ command: ['x'], limits: { nofile: '-1; reboot' } }, /not a limit/],
  ];
  for (const [params, message] of wrong) assert.throws(() => checkResourceParams('app', params), message);
});
