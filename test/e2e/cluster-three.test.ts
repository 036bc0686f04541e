/**
 * A volume of three replicas in a cluster, with real processes under load: each owner in turn loses its power, also while another replica is away, and nothing
 * acknowledged is lost; a replica is taken out and put back while the volume is written.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';
import { Recorder } from './support/recorder.ts';

const MIB = 1024 * 1024;
const DEPTH = 16;
const PATIENCE_MS = 180_000;
const lab = await ClusterLab.make('three');
const nodes = [lab.member('n1', 87), lab.member('n2', 88), lab.member('n3', 89)];
const [n1, n2, n3] = nodes as [ClusterNode, ClusterNode, ClusterNode];
const recorder = new Recorder(16 * MIB);

const imageOf = ({ dir }: ClusterNode): string => join(dir, 'v.img');
const documentOn = (...on: readonly ClusterNode[]): string => `volumes:
  - { name: v, size: 16MiB, replicas: { ${on.map((node) => `${node.name}: ${imageOf(node)}`).join(', ')} } }
groups:
  - name: g
    nodes: [${on.map(({ name }) => name).join(', ')}]
    resources: [{ name: vol, type: mirror, volume: v, attach: none }]
`;

before(() => lab.begin(documentOn(...nodes)));

after(() => lab.end());

const connect = (node: ClusterNode): Promise<NbdClient> =>
  NbdClient.open({ path: join(node.dir, 'run', 'v.nbd') }, 'v');

const isServed =
  (asked: ClusterNode, owner: ClusterNode, set: readonly ClusterNode[]) => async (): Promise<boolean> => {
    const status = await asked.status();
    const [group] = status?.groups ?? [];
    return (
      group?.owner === owner.name &&
      group.state === 'online' &&
      String(status?.volumes[0]?.inSyncSet.toSorted()) === String(set.map(({ name }) => name).toSorted())
    );
  };

async function ownerAmong(asked: ClusterNode, others: readonly ClusterNode[]): Promise<ClusterNode> {
  let owner: ClusterNode | undefined;
  await until(
    'another one serves',
    async () => {
      const [group] = (await asked.status())?.groups ?? [];
      owner = others.find(({ name }) => group?.state === 'online' && group.owner === name);
      return owner !== undefined;
    },
    PATIENCE_MS,
  );
  return owner ?? assert.fail();
}

/** Until `then` is over; 100 records more are acknowledged before it begins. */
async function underLoad(owner: ClusterNode, then: () => Promise<void>): Promise<void> {
  let isOver = false;
  const client = await connect(owner);
  const load = recorder.run(client, DEPTH, () => isOver);
  const before = recorder.tried;
  await until('it is written', () => recorder.tried > before + 100);
  await then();
  isOver = true;
  await load;
  client.close();
}

async function assertNothingLost(owner: ClusterNode): Promise<void> {
  const client = await connect(owner);
  await recorder.check(client);
  client.close();
}

test('each owner in turn loses its power, and nothing is lost', { timeout: 600_000 }, async () => {
  let owner = n1;
  for (let round = 0; round < nodes.length; round += 1) {
    const others = nodes.filter((node) => node !== owner);
    const [asked] = others as [ClusterNode];
    await until(`${owner.name} serves three`, isServed(asked, owner, nodes), PATIENCE_MS);
    await underLoad(owner, () => owner.losePower());
    const next = await ownerAmong(asked, others);
    await until(`${next.name} serves two`, isServed(asked, next, others), PATIENCE_MS);
    await assertNothingLost(next);
    await owner.start();
    owner = next;
  }
  await until('all three are back', isServed(owner, owner, nodes), PATIENCE_MS);
});

test(
  'a replica that was away misses nothing, though who was written to without it is lost in turn',
  { timeout: 600_000 },
  async () => {
    const owner = await ownerAmong(n1, nodes);
    const [away, other] = nodes.filter((node) => node !== owner) as [ClusterNode, ClusterNode];
    await underLoad(owner, async () => {
      await away.losePower();
      await until('it is written without one', isServed(owner, owner, [owner, other]), PATIENCE_MS);
      const before = recorder.tried;
      await until('it goes on', () => recorder.tried > before + 100);
      const lacking = async (): Promise<readonly string[]> =>
        ((await owner.status())?.volumes[0]?.replicas ?? [])
          .filter(({ dirtyBytes }) => dirtyBytes > 0)
          .map(({ node }) => node);
      await until('it is known what lacks something', async () => (await lacking()).length > 0);
      assert.deepEqual(await lacking(), [away.name]);
    });
    await away.start();
    await until('all three are there', isServed(owner, owner, nodes), PATIENCE_MS);
    await underLoad(owner, () => owner.losePower());
    const next = await ownerAmong(other, [away, other]);
    await assertNothingLost(next);
    await owner.start();
    await until('all three are back', isServed(next, next, nodes), PATIENCE_MS);
  },
);

test('a replica is taken out and put back while the volume is written', { timeout: 600_000 }, async () => {
  const owner = await ownerAmong(n1, nodes);
  const [leaving, staying] = nodes.filter((node) => node !== owner) as [ClusterNode, ClusterNode];
  await underLoad(owner, async () => {
    await lab.apply(documentOn(owner, staying));
    await until('it has two', isServed(owner, owner, [owner, staying]), PATIENCE_MS);
    const before = recorder.tried;
    await until('it goes on', () => recorder.tried > before + 100);
    await lab.apply(documentOn(owner, staying, leaving));
    await until('it has three again', isServed(owner, owner, nodes), PATIENCE_MS);
  });
  const { code, stderr } = await eterne('group', 'move', 'g', '--to', leaving.name, '--dir', n1.dir);
  assert.equal(code, 0, stderr);
  await until('it has moved', isServed(owner, leaving, nodes), PATIENCE_MS);
  await assertNothingLost(leaving);
});

test('all replicas are the same when nobody writes', { timeout: 600_000 }, async () => {
  const { code, stderr } = await eterne('group', 'stop', 'g', '--dir', n1.dir);
  assert.equal(code, 0, stderr);
  await until('it is stopped', async () => (await n1.status())?.groups[0]?.state === 'stopped');
  for (const node of [n2, n3]) execFileSync('cmp', [imageOf(n1), imageOf(node)]);
});
