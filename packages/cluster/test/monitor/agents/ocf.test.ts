/** Real agents of Debian's resource-agents, unchanged; systemd by a stand-in that notes what it is told. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Hands } from '../../../src/monitor/agents/agent.ts';
import { ocfAgent } from '../../../src/monitor/agents/ocf/agent.ts';
import { checkResourceParams } from '../../../src/monitor/agents/registry.ts';
import { systemdAgent } from '../../../src/monitor/agents/systemd/agent.ts';
import { Monitor } from '../../../src/monitor/monitor.ts';
import { leaveBehind } from '../../../src/node/leave-behind.ts';
import { FakeHeart, makeHands } from '../hands.ts';
import { Subject, well } from './subject.ts';

const AGENTS = '/usr/lib/ocf/resource.d/heartbeat';
const isRoot = process.getuid?.() === 0;
const missing = (name: string): string | false =>
  (!existsSync(join(AGENTS, name)) && 'needs resource-agents') || (!isRoot && 'needs root');
const heartbeat = (name: string) => ocfAgent({ provider: 'heartbeat', name });

test('ocf:heartbeat:Dummy starts, is watched, stops', { skip: missing('Dummy') }, async (context) => {
  const hands = await makeHands(context);
  const state = join(hands.dir, 'dummy.state');
  const subject = new Subject(hands, heartbeat('Dummy'), { params: { state, fake: 7 } });
  assert.deepEqual(await subject.check(), { state: 'failed', reason: 'monitor: it is not running' });
  assert.equal(await subject.find(), false);
  await well(subject.start());
  await well(subject.start());
  assert.equal(await subject.find(), true);
  assert.equal(existsSync(state), true);
  assert.equal((await subject.check()).state, 'running');
  rmSync(state);
  assert.equal((await subject.check()).state, 'failed');
  await well(subject.start());
  await well(subject.stop());
  await well(subject.stop());
  assert.equal(existsSync(state), false);
});

test('ocf:heartbeat:Stateful is promoted and demoted', { skip: missing('Stateful') }, async (context) => {
  const hands = await makeHands(context);
  const state = join(hands.dir, 'stateful.state');
  const subject = new Subject(hands, heartbeat('Stateful'), { role: 'promoted', params: { state } });
  await well(subject.start());
  assert.deepEqual(await subject.check(), { state: 'running', reason: '' });
  assert.match(readFileSync(state, 'utf8'), /promoted|master/i);
  writeFileSync(state, readFileSync(state, 'utf8').replace(/promoted|master/i, 'unpromoted'));
  assert.equal((await subject.check()).state, 'failed');
  assert.equal(await subject.find(), undefined, 'the agent itself cannot tell');
  await well(subject.stop());
  assert.equal(existsSync(state), false);
  assert.equal(await subject.find(), false);
});

/** With agents that end with these codes; what they were told is in the list. */
async function withCodes(
  context: Pick<TestContext, 'after'>,
  codes: Readonly<Record<string, number>>,
): Promise<{ readonly hands: Hands; readonly told: string[] }> {
  const real = await makeHands(context);
  const { processes } = real.world;
  const told: string[] = [];
  const spawn: typeof processes.spawn = (options, onExit) => {
    const verb = options.command[1] ?? '';
    told.push(verb);
    return processes.spawn({ ...options, command: ['/bin/sh', '-c', `exit ${codes[verb] ?? 0}`] }, onExit);
  };
  return { hands: { ...real, world: { ...real.world, processes: { ...processes, spawn } } }, told };
}

test('what cannot be demoted is stopped all the same, and is stopped when its agent says so', async (context) => {
  const GENERIC = 1;
  const { hands, told } = await withCodes(context, { demote: GENERIC });
  await well(new Subject(hands, heartbeat('pgsql'), { role: 'promoted' }).stop());
  assert.deepEqual(told, ['demote', 'stop']);
  const stuck = await withCodes(context, { demote: GENERIC, stop: GENERIC });
  const { ok, reason } = await new Subject(stuck.hands, heartbeat('pgsql'), { role: 'promoted' }).stop();
  assert.deepEqual([ok, reason], [false, 'demote: it failed; stop: it failed']);
});

test(
  'a promotable agent keeps its promotion score without Pacemaker',
  { skip: missing('Stateful') },
  async (context) => {
    const hands = await makeHands(context);
    const params = { state: join(hands.dir, 'stateful.state') };
    const subject = new Subject(hands, heartbeat('Stateful'), { role: 'promoted', params });
    const score = join(hands.dir, 'run', 'ocf-attributes', 'master-g-ocf:heartbeat:Stateful');
    await well(subject.start());
    assert.match(readFileSync(score, 'utf8'), /^[1-9]\d*$/);
    await well(subject.stop());
    assert.equal(existsSync(score), false);
  },
);

const SHIMS = fileURLToPath(new URL('../../../src/monitor/agents/ocf/shims', import.meta.url));

test('attributes are kept as Pacemaker would, for a boot or for ever', async (context) => {
  const { dir } = await makeHands(context);
  const [reboot, forever] = [join(dir, 'reboot'), join(dir, 'forever')];
  const env = {
    PATH: process.env['PATH'],
    ETERNE_OCF_NODE: 'a',
    ETERNE_OCF_REBOOT: reboot,
    ETERNE_OCF_FOREVER: forever,
  };
  const call = (tool: string, ...args: readonly string[]): string => {
    const { status, stdout } = spawnSync(join(SHIMS, tool), args, { env, encoding: 'utf8' });
    return `${status} ${stdout.trim()}`.trim();
  };
  assert.equal(call('crm_attribute', '-N', 'a', '-n', 'x', '-v', 'two words', '-l', 'forever'), '0');
  assert.equal(call('crm_attribute', '--node=a', '--name', 'x', '--query', '-q'), '0 two words');
  assert.equal(
    call('crm_attribute', '-n', 'x', '-G', '-l', 'reboot', '-q'),
    '105',
    'another lifetime is another attribute',
  );
  assert.equal(call('crm_attribute', '-n', 'y', '-G', '-q', '-d', 'none'), '0 none');
  assert.equal(call('attrd_updater', '-n', 'status', '-U', 'normal'), '0');
  assert.match(call('attrd_updater', '-Q', '-n', 'status'), /^0 name="status" host="a" value="normal"$/);
  assert.equal(call('attrd_updater', '-n', 'status', '-D'), '0');
  assert.equal(call('attrd_updater', '-Q', '-n', 'status'), '105');
  assert.equal(call('crm_attribute', '-p', 'db', '-v', '100'), '0');
  assert.equal(readFileSync(join(reboot, 'master-db'), 'utf8'), '100');
  assert.equal(call('crm_attribute', '-n', '../../etc/passwd', '-v', 'x'), '64');
  assert.equal(call('crm_attribute', '-n', 'x', '--frobnicate'), '64');
});

test(
  'ocf:heartbeat:IPaddr2 and what a lapsed lease leaves of it',
  { skip: missing('IPaddr2') },
  async (context) => {
    const hands = await makeHands(context);
    const name = `et${process.pid}`;
    spawnSync('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`]);
    context.after(() => spawnSync('ip', ['link', 'delete', name]));
    spawnSync('ip', ['link', 'set', name, 'up']);
    const shown = (): string =>
      spawnSync('ip', ['address', 'show', 'dev', name], { encoding: 'utf8' }).stdout;
    const params = { ip: '10.99.7.1', cidr_netmask: 24, nic: name };
    const subject = new Subject(hands, heartbeat('IPaddr2'), { params });
    await well(subject.start());
    assert.equal((await subject.check()).state, 'running');
    assert.match(shown(), /10\.99\.7\.1\/24/);
    assert.equal(await subject.abandon(), '');
    assert.doesNotMatch(shown(), /10\.99\.7\.1/);
  },
);

test('an agent that is not there, and one that takes too long', async (context) => {
  const hands = await makeHands(context);
  const absent = await new Subject(hands, ocfAgent({ provider: 'nobody', name: 'Nothing' }), {}).start();
  assert.equal(absent.ok, false);
  assert.match(absent.reason, /Nothing|cannot be run|ended with/);
});

test('names and parameters are judged when the configuration is applied', () => {
  checkResourceParams('ocf:heartbeat:pgsql', { params: { pgport: 5432, pgdata: '${fs.directory}/pg' } });
  checkResourceParams('systemd:nginx', { check: { interval: '1s' } });
  for (const type of ['ocf:heartbeat', 'ocf:..:x', 'ocf:heartbeat:a/b', 'systemd:-x', 'systemd:a b'])
    assert.throws(() => checkResourceParams(type, {}), /not an OCF agent|not a systemd unit/);
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ params: { 'a-b': '1' } }, /no parameter called "a-b"/],
    [{ params: { a: ['1'] } }, /no text, number or boolean/],
    [{ role: 'master' }, /must be one of started, promoted/],
    [{ pgdata: '/x' }, /pgdata is unknown/],
  ];
  for (const [params, message] of wrong)
    assert.throws(() => checkResourceParams('ocf:heartbeat:pgsql', params), message);
});

test('systemd is told to start, stop and kill a unit', async (context) => {
  const hands = await makeHands(context);
  const [bin, told, active] = ['bin', 'told', 'active'].map((name) => join(hands.dir, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'systemctl'),
    `#!/bin/sh
echo "$*" >> ${told}
case $1 in
  start) touch ${active} ;;
  stop | kill) rm -f ${active} ;;
  is-active) cat ${active} 2>/dev/null; [ -e ${active} ] && ! [ -s ${active} ] || exit 3 ;;
esac
`,
  );
  chmodSync(join(bin, 'systemctl'), 0o755);
  const path = process.env['PATH'];
  process.env['PATH'] = `${bin}:${path}`;
  context.after(() => (process.env['PATH'] = path));
  const subject = new Subject(hands, systemdAgent('web.service'), {});
  await well(subject.start());
  assert.equal((await subject.check()).state, 'running');
  assert.equal(await subject.abandon(), '');
  assert.deepEqual(await subject.check(), { state: 'failed', reason: 'web.service is not active' });
  await well(subject.stop());
  assert.equal(await subject.find(), false);
  writeFileSync(active, '');
  assert.equal(await subject.find(), true, 'whoever has started it');
  for (const state of ['deactivating', 'activating']) {
    writeFileSync(active, `${state}\n`);
    assert.equal(await subject.find(), true, state);
  }
  writeFileSync(active, 'failed\n');
  assert.equal(await subject.find(), false);
  assert.deepEqual(readFileSync(told, 'utf8').trim().split('\n'), [
    'start web.service',
    'is-active web.service',
    'kill --signal=SIGKILL web.service',
    'stop web.service',
    'is-active web.service',
    'stop web.service',
    'is-active web.service',
    'is-active web.service',
    'is-active web.service',
    'is-active web.service',
    'is-active web.service',
  ]);
});

test(
  'what an earlier life of the node left is taken away before the monitor serves',
  { skip: missing('Dummy') },
  async (context) => {
    const hands = await makeHands(context);
    const state = join(hands.dir, 'dummy.state');
    writeFileSync(state, '');
    const spec = { group: 'g', name: 'd', type: 'ocf:heartbeat:Dummy', params: { params: { state } } };
    const record = { spec, epoch: 1, mark: 'ETERNE_RESOURCE=gone', processes: [], outputs: {} };
    await new Promise<void>((resolve, reject) =>
      leaveBehind(hands.world.files, hands.dir, [record], (error) => (error ? reject(error) : resolve())),
    );
    const monitor = new Monitor(hands, new FakeHeart());
    await new Promise<void>((resolve, reject) =>
      monitor.open((error) => (error ? reject(error) : resolve())),
    );
    monitor.close();
    assert.equal(existsSync(state), false);
    assert.equal(existsSync(join(hands.dir, 'run/leftovers.json')), false);
  },
);

test('what does not go at once is tried again before the monitor serves', async (context) => {
  const hands = await makeHands(context);
  const tries = join(hands.dir, 'tries');
  const { processes } = hands.world;
  const command = ['sh', '-c', `echo >> ${tries}; [ $(wc -l < ${tries}) -gt 3 ]`] as const;
  const spawn: typeof processes.spawn = (options, onExit) => processes.spawn({ ...options, command }, onExit);
  const stubborn = { ...hands, world: { ...hands.world, processes: { ...processes, spawn } } };
  const spec = { group: 'g', name: 'd', type: 'systemd:web', params: {} };
  const record = { spec, epoch: 1, mark: 'ETERNE_RESOURCE=gone', processes: [], outputs: {} };
  await new Promise((resolve) => leaveBehind(hands.world.files, hands.dir, [record], resolve));
  const monitor = new Monitor(stubborn, new FakeHeart());
  assert.equal(await new Promise((resolve) => monitor.open(resolve)), undefined);
  monitor.close();
  assert.equal(readFileSync(tries, 'utf8').length, 4, 'two times a kill and a stop');
});
