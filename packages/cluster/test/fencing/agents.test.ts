/** Real fence agents of the system, and one that misbehaves. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { Fencer } from '../../src/fencing/fencer.ts';
import type { FenceResult } from '../../src/fencing/order.ts';
import type { FenceDevice } from '../../src/state/model.ts';
import { until } from '../contract/beds.ts';
import { device } from './device.ts';

const dir = mkdtempSync(join(tmpdir(), 'eterne-fence-'));
after(() => rmSync(dir, { recursive: true }));

const isInstalled = (agent: string): boolean => existsSync(`/usr/sbin/${agent}`);
const needs = (agent: string): { readonly skip?: string } =>
  isInstalled(agent) ? {} : { skip: `${agent} is not installed (fence-agents)` };

let fencer: Fencer;
beforeEach(() => {
  fencer = new Fencer({ ...createNodeWorld('test'), log: () => {} });
});

function fence(...devices: readonly FenceDevice[]): Promise<FenceResult> {
  return new Promise((resolve) => fencer.fence({ node: 'n1', devices }, resolve));
}

function check(subject: FenceDevice): Promise<string | undefined> {
  return new Promise((resolve) => fencer.check(subject, resolve));
}

/** An agent in shell: `off` does what the test says, everything else as the API wants it. */
function script(name: string, off: string, status = 'exit 2'): string {
  const path = join(dir, `fence_${name}`);
  writeFileSync(
    path,
    `#!/bin/sh
echo "$@" >> ${dir}/${name}.arguments
while read line; do echo "$line" >> ${dir}/${name}.input; case "$line" in action=*) action="\${line#action=}";; esac; done
case "$action" in
metadata) echo '<resource-agent><actions><action name="off"/><action name="status"/><action name="monitor"/></actions></resource-agent>';;
off) ${off};;
status) ${status};;
esac
`,
  );
  chmodSync(path, 0o755);
  return path;
}

test('fence_dummy: off is verified, then it is on again', needs('fence_dummy'), async () => {
  const status = join(dir, 'dummy.status');
  writeFileSync(status, 'on');
  const subject = device({ agent: 'fence_dummy', params: { status_file: status } });
  assert.equal(await check(subject), undefined);
  const result = await fence({ ...subject, action: 'off' });
  assert.deepEqual(result, { confirmed: true, reason: 'n1 was switched off by fence_dummy' });
  assert.equal(readFileSync(status, 'utf8'), 'off');
  assert.equal((await fence(subject)).confirmed, true);
  await until('it is on again', () => readFileSync(status, 'utf8') === 'on');
});

test('fence_dummy that fails is a failure, and the next level is used', needs('fence_dummy'), async () => {
  const bad = device({
    agent: 'fence_dummy',
    params: { type: 'fail', plug: '1', power_timeout: '1' },
    retries: 0,
  });
  const alone = await fence(bad);
  assert.equal(alone.confirmed, false);
  assert.match(alone.reason, /fence_dummy \(level 1\): off: /);
  const good = device({ agent: script('good', 'exit 0'), level: 2, action: 'off' });
  assert.equal((await fence(bad, good)).confirmed, true);
});

test('fence_scsi only cuts off, so it is no proof', needs('fence_scsi'), async () => {
  const result = await fence(device({ agent: 'fence_scsi' }));
  assert.equal(result.confirmed, false);
  assert.match(result.reason, /fence_scsi only cuts a node off/);
});

test('a timeout is a failure', async () => {
  const agent = script('slow', 'sleep 60');
  const result = await fence(device({ agent, timeoutMs: 1500, retries: 0 }));
  assert.equal(result.confirmed, false);
  assert.match(result.reason, /off took longer than 1500 ms/);
});

test('an agent that is not there is a failure with its name', async () => {
  const result = await fence(device({ agent: 'fence_nowhere' }));
  assert.equal(result.confirmed, false);
  assert.match(result.reason, /fence_nowhere is not installed here \(Debian: fence-agents\)/);
});

test('parameters travel on standard input only, and what the agent says of them is masked', async () => {
  const agent = script('chatty', 'echo "wrong password topsecret" >&2; exit 1');
  const params = { ip: '10.0.0.9', password: 'topsecret' };
  const result = await fence(device({ agent, params, retries: 0 }));
  assert.equal(readFileSync(join(dir, 'chatty.arguments'), 'utf8').trim(), '');
  assert.deepEqual(readFileSync(join(dir, 'chatty.input'), 'utf8').trim().split('\n'), [
    'action=metadata',
    'action=off',
    'nodename=n1',
    'ip=10.0.0.9',
    'password=topsecret',
  ]);
  assert.match(result.reason, /wrong password \*{8}/);
});

test('who asks while a run is on its way gets its result', async () => {
  const agent = script('once', `echo off >> ${dir}/once.log`);
  const results = await Promise.all([fence(device({ agent })), fence(device({ agent }))]);
  assert.deepEqual(
    results.map(({ confirmed }) => confirmed),
    [true, true],
  );
  assert.equal(readFileSync(join(dir, 'once.log'), 'utf8'), 'off\n');
});
