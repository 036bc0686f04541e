/**
 * A disk that both nodes reach and a mirrored one, in one group, beside a group that has nothing but a shared disk (C4): they move together, and come together
 * when their node loses its power. The shared disk's fence is a lock here; reservations: `test/conformance/kernel/shared-disk.test.ts`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const PATIENCE_MS = 180_000;
const lab = await ClusterLab.make('mixed');
const n1 = lab.member('n1', 141);
const n2 = lab.member('n2', 142);
lab.member('w', 143, 'witness');
const [shared, other] = [join(lab.root, 'shared'), join(lab.root, 'other')];

const disk = (device: string): string => `{ name: disk, type: shared-disk, device: ${device}, fence: lock }`;

const DOCUMENT = `volumes:
  - { name: v, size: 8MiB, replicas: { n1: ${n1.dir}/v.img, n2: ${n2.dir}/v.img } }
groups:
  - name: both
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
      - ${disk(shared)}
      - ${lab.program('both')}
  - { name: single, nodes: [n2, n1], resources: [${disk(other)}, ${lab.program('single')}] }
`;

async function serve(asked: ClusterNode, both: ClusterNode, single: ClusterNode): Promise<void> {
  await until(
    `${both.name} has both disks, ${single.name} the other one`,
    async () => {
      const { groups = [], volumes: [volume] = [] } = (await asked.status()) ?? {};
      const isOn = (name: string, owner: ClusterNode): boolean =>
        groups.some((group) => group.name === name && group.owner === owner.name && group.state === 'online');
      return isOn('both', both) && isOn('single', single) && volume?.primary === both.name;
    },
    PATIENCE_MS,
  );
  for (const name of ['both', 'single']) assert.equal(lab.programs(name).length, 1, `${name} runs once`);
  for (const device of [shared, other]) assert.ok(!isFree(device), `${device} is free`);
}

const isFree = (device: string): boolean => spawnSync('flock', ['--nonblock', device, 'true']).status === 0;

const missing = spawnSync('flock', ['--version']).error === undefined ? false : 'needs flock';

before(async () => {
  if (missing !== false) return;
  for (const device of [shared, other]) writeFileSync(device, '');
  await lab.begin(DOCUMENT);
});
after(() => lab.end());

test('a shared disk belongs to one group', { skip: missing, timeout: 600_000 }, async () => {
  await serve(n1, n1, n2);
  await assert.rejects(
    lab.apply(`groups: [{ name: third, nodes: [n1], resources: [${disk(shared)}] }]`),
    /both.*third|third.*both/,
  );
});

test('both kinds move together', { skip: missing, timeout: 600_000 }, async () => {
  const [single] = lab.programs('single');
  const { code, stderr } = await eterne('group', 'move', 'both', '--to', 'n2', '--dir', n1.dir);
  assert.equal(code, 0, stderr);
  await serve(n1, n2, n2);
  assert.deepEqual(lab.programs('single'), [single]);
});

test('and come together when their node loses its power', { skip: missing, timeout: 600_000 }, async () => {
  await n2.losePower([...lab.programs('both'), ...lab.programs('single')]);
  await serve(n1, n1, n1);
});
