/** A real cluster of two nodes and a witness: what becomes of a running group when the daemons under it are killed. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAEMON_NAMES, type DaemonName } from '@eterne/cluster/node/layout.ts';
import { unlessStalled } from '../../packages/runtime/test/support/stalls.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const lab = await ClusterLab.make('daemons');
const n1 = lab.member('n1', 61);
const n2 = lab.member('n2', 62);
lab.member('w', 63, 'witness');

const DOCUMENT = `volumes:
  - { name: v, size: 8MiB, mode: sync, replicas: { n1: ${n1.dir}/v.img, n2: ${n2.dir}/v.img } }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
      - ${lab.program()}
`;

/** The group is online on n1, its volume whole, and the cluster led from elsewhere: what a cluster settles to, and every test begins in. */
async function isWell(): Promise<boolean> {
  const status = await n1.status();
  const [group] = status?.groups ?? [];
  const [volume] = status?.volumes ?? [];
  return (
    status?.leader !== 'n1' &&
    group?.state === 'online' &&
    group.owner === 'n1' &&
    volume?.inSyncSet.length === 2
  );
}

const leftOf = (node: ClusterNode): number => node.processes().size;

before(async () => {
  await lab.begin(DOCUMENT);
  await until('the group is well', isWell);
});

after(() => lab.end());

test('daemons put memory before speed, and what carries data does not', () => {
  const isSmall = (command: string): boolean => command.includes('--optimize-for-size');
  const launcher = [...n1.processes().values()].find((command) => command.includes('/launcher.ts'));
  assert.ok(launcher !== undefined && isSmall(launcher));
  const disk = n1.pidOf('disk');
  const [worker] = readFileSync(`/proc/${disk}/task/${disk}/children`, 'utf8').split(' ');
  const command = readFileSync(`/proc/${worker}/cmdline`, 'utf8');
  assert.match(command, /volume-worker\.ts/);
  assert.ok(!isSmall(command));
});

async function killed(daemon: DaemonName): Promise<void> {
  await until('the group is well', isWell);
  const pid = n1.pidOf(daemon) ?? assert.fail(`${daemon} does not run`);
  const program = lab.programs();
  process.kill(pid, 'SIGKILL');
  await until(`${daemon} runs again`, () => (n1.pidOf(daemon) ?? pid) !== pid, 1000);
  await until('status shows the new process', async () => {
    const nodes = (await n2.status())?.nodes;
    return nodes?.find(({ name }) => name === 'n1')?.pids[daemon] === n1.pidOf(daemon);
  });
  await until('the group is well', isWell);
  if (daemon !== 'disk') assert.deepEqual(lab.programs(), program, 'the program was left alone');
}

for (const daemon of DAEMON_NAMES)
  test(`kill -9 of ${daemon}: it runs again within a second, the group goes on where it is`, () =>
    unlessStalled(() => killed(daemon)));

test('a launcher that stands still while a program is started again has started it once when it goes on', async () => {
  await until('the group is well', isWell);
  const launcher = n1.pid ?? assert.fail('no launcher');
  const [program = 0] = lab.programs();
  process.kill(launcher, 'SIGSTOP');
  process.kill(program, 'SIGKILL');
  // Longer than any other question to it is waited for.
  await sleep(8000);
  process.kill(launcher, 'SIGCONT');
  await until('the group is well', async () => lab.programs().length > 0 && (await isWell()));
  await sleep(2000);
  assert.equal(lab.programs().length, 1);
});

test('a daemon that hangs is killed and runs again', async () => {
  const pid = n1.pidOf('heart') ?? assert.fail('no heart');
  process.kill(pid, 'SIGSTOP');
  await until('the heart runs again', () => (n1.pidOf('heart') ?? pid) !== pid);
  await until(
    'the group is online somewhere',
    async () => (await n2.status())?.groups[0]?.state === 'online',
  );
});

test('a second node in the same folder is refused', async () => {
  const second = await eterne('node', 'run', '--dir', n2.dir);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^eterne: the node in .* is running already\n$/);
});

test('when its launcher is killed nothing of a node goes on, and the other takes over', async () => {
  await until('the group is online', async () => (await n2.status())?.groups[0]?.state === 'online');
  await until(
    'both replicas are in sync',
    async () => (await n2.status())?.volumes[0]?.inSyncSet.length === 2,
  );
  const owner = (await n2.status())?.groups[0]?.owner === 'n1' ? n1 : n2;
  const other = owner === n1 ? n2 : n1;
  const before = lab.programs();
  owner.signal('SIGKILL');
  await until(
    'nothing of it is left',
    () => leftOf(owner) === 0 && before.every((pid) => !lab.programs().includes(pid)),
  );
  await until('the other has taken over', async () => {
    const group = (await other.status())?.groups[0];
    return group?.state === 'online' && group.owner === other.name;
  });
  assert.equal(lab.programs().length, 1);
  await owner.start();
});

test('SIGTERM gives the groups away and leaves nothing', async () => {
  await until(
    'both replicas are in sync',
    async () => (await n2.status())?.volumes[0]?.inSyncSet.length === 2,
  );
  const owner = (await n2.status())?.groups[0]?.owner === 'n1' ? n1 : n2;
  const other = owner === n1 ? n2 : n1;
  owner.signal('SIGTERM');
  assert.equal(await owner.ended(), 0);
  assert.equal(leftOf(owner), 0);
  assert.deepEqual(
    readdirSync(join(owner.dir, 'run')).filter((name) => name === 'started.json' || name === 'launcher.sock'),
    [],
  );
  await until('the group is online on the other', async () => {
    const group = (await other.status())?.groups[0];
    return group?.state === 'online' && group.owner === other.name;
  });
  await portInUseIsOneLine(owner);
});

/** Here, because the node has to be down for it. */
async function portInUseIsOneLine(node: ClusterNode): Promise<void> {
  const identity = JSON.parse(readFileSync(join(node.dir, 'node.json'), 'utf8')) as { addresses: string[] };
  const [host = '', port = ''] = identity.addresses[0]?.split(':') ?? [];
  const squatter = createSocket('udp4');
  squatter.bind(Number(port), host);
  await once(squatter, 'listening');
  const run = await eterne('node', 'run', '--dir', node.dir);
  squatter.close();
  assert.equal(run.code, 2);
  assert.equal(run.stderr.split('\n').filter((line) => line.startsWith('eterne: ')).length, 1, run.stderr);
  assert.match(run.stderr, /EADDRINUSE/);
  assert.equal(existsSync(join(node.dir, 'run', 'launcher.sock')), false);
}
