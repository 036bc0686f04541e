/**
 * Two nodes that work for each other, and grow: each runs a service of its own on a volume of its own and carries the other's when that is lost (F17, C2); the lost one comes
 * back and gets its service back (F19); the edition for two nodes becomes the one for many, and a third node joins, while both services run on (F16);
 * servers come into a group and go out of it, and of the cluster, likewise (F5).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const PATIENCE_MS = 180_000;
const lab = await ClusterLab.make('grows');
const n1 = lab.member('n1', 101);
const n2 = lab.member('n2', 102);
const w = lab.member('w', 103, 'witness');
const n3 = lab.member('n3', 104);

const group = (name: string, nodes: string): string => `
  - name: ${name}
    nodes: [${nodes}]
    failback: { enabled: true }
    resources:
      - { name: vol, type: mirror, volume: v-${name}, attach: none }
      - ${lab.program(name)}`;

const volume = (name: string): string =>
  `  - { name: v-${name}, size: 8MiB, replicas: { n1: ${n1.dir}/${name}.img, n2: ${n2.dir}/${name}.img } }`;

const DOCUMENT = `cluster: { edition: ha }
volumes:
${volume('east')}
${volume('west')}
groups:${group('east', 'n1, n2')}${group('west', 'n2, n1')}
`;

/** By the cluster's word and by the programs that there are; every copy is in sync again unless one is away. */
async function serve(
  asked: ClusterNode,
  owners: Readonly<Record<string, string>>,
  copies = 2,
): Promise<void> {
  const isSo = (status: ClusterStatus): boolean =>
    Object.entries(owners).every(([name, owner]) =>
      status.groups.some((one) => one.name === name && one.owner === owner && one.state === 'online'),
    ) && status.volumes.every(({ inSyncSet }) => inSyncSet.length === copies);
  const what = `groups are at ${JSON.stringify(owners)} with ${copies} copies`;
  await until(
    what,
    async () => ((status) => status !== undefined && isSo(status))(await asked.status()),
    PATIENCE_MS,
  );
  for (const name of Object.keys(owners)) assert.equal(lab.programs(name).length, 1, `${name} runs once`);
}

const programs = (): readonly number[] => ['east', 'west'].flatMap((name) => lab.programs(name));

before(() => lab.begin(DOCUMENT, [n1, n2, w]));
after(() => lab.end());

test('each node carries its own service, and both when the other is lost', { timeout: 600_000 }, async () => {
  await serve(n1, { east: 'n1', west: 'n2' });
  const [west] = lab.programs('west');
  await n1.losePower(lab.programs('east'));
  await serve(n2, { east: 'n2', west: 'n2' }, 1);
  assert.deepEqual(lab.programs('west'), [west], 'the survivor’s own service was left alone');
});

test(
  'the lost node comes back, its disks catch up, and its service goes home',
  { timeout: 600_000 },
  async () => {
    const [west] = lab.programs('west');
    await n1.start();
    await serve(n2, { east: 'n1', west: 'n2' });
    assert.deepEqual(lab.programs('west'), [west]);
  },
);

test('the edition for two nodes takes no third one', { timeout: 600_000 }, async () => {
  await assert.rejects(n3.join(n1), /edition/);
});

test(
  'upgraded, it takes one while both services run on, and the new node serves too',
  { timeout: 600_000 },
  async () => {
    const before = programs();
    const { code, stderr } = await eterne('cluster', 'upgrade', '--dir', n1.dir);
    assert.equal(code, 0, stderr);
    await n3.join(n1);
    await lab.apply(`groups:
  - { name: south, nodes: [n3, n1], resources: [${lab.program('south')}] }
`);
    await serve(n2, { east: 'n1', west: 'n2', south: 'n3' });
    assert.deepEqual(programs(), before, 'nothing was restarted');
  },
);

test(
  'a server is put into a group and another is taken out of it, and of the cluster, while everything runs',
  { timeout: 600_000 },
  async () => {
    const before = [...programs(), ...lab.programs('south')];
    const south = (nodes: string): string =>
      `groups:\n  - { name: south, nodes: [${nodes}], resources: [${lab.program('south')}] }\n`;
    await lab.apply(south('n3, n1, n2'));
    await lab.apply(south('n3, n2'));
    await serve(n2, { east: 'n1', west: 'n2', south: 'n3' });
    assert.deepEqual([...programs(), ...lab.programs('south')], before, 'nothing was restarted');
    await n3.losePower(lab.programs('south'));
    await serve(n2, { east: 'n1', west: 'n2', south: 'n2' });
    await lab.apply(south('n2'));
    const { code, stderr } = await eterne('node', 'remove', 'n3', '--dir', n1.dir);
    assert.equal(code, 0, stderr);
    await until(
      'n3 is no member',
      async () => (await n2.status())?.nodes.every(({ name }) => name !== 'n3') === true,
      PATIENCE_MS,
    );
    await serve(n2, { east: 'n1', west: 'n2', south: 'n2' });
    assert.deepEqual(programs(), before.slice(0, 2), 'nothing was restarted');
  },
);
