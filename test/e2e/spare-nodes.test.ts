/**
 * Two nodes that work and two that stand by for both (C6 to C8, F17): each volume is mirrored to either spare, each spare mirrors for both nodes. The first loss goes to the first
 * spare, the second to the other one, because a spare has room for one; whose node comes back goes home, and the spare is free again.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const PATIENCE_MS = 180_000;
const lab = await ClusterLab.make('spares');
const n1 = lab.member('n1', 131);
const n2 = lab.member('n2', 132);
const s1 = lab.member('s1', 133);
const s2 = lab.member('s2', 134);
lab.member('w', 135, 'witness');

const replicas = (name: string, nodes: readonly ClusterNode[]): string =>
  nodes.map((node) => `${node.name}: ${node.dir}/${name}.img`).join(', ');

const service = (name: string, home: ClusterNode): string => `
  - name: ${name}
    nodes: [${home.name}, s1, s2]
    failback: { enabled: true }
    demand: { seats: 1 }
    resources:
      - { name: vol, type: mirror, volume: v-${name}, attach: none }
      - ${lab.program(name)}`;

const DOCUMENT = `nodes:
${[n1, n2, s1, s2].map(({ name }) => `  - { name: ${name}, capacity: { seats: 1 } }`).join('\n')}
volumes:
  - { name: v-east, size: 8MiB, replicas: { ${replicas('east', [n1, s1, s2])} } }
  - { name: v-west, size: 8MiB, replicas: { ${replicas('west', [n2, s1, s2])} } }
groups:${service('east', n1)}${service('west', n2)}
`;

/** Where each service runs, and which copies of its volume have everything. */
interface Place {
  readonly owner: string;
  readonly copies: readonly string[];
}

const isPlaced = ({ groups, volumes }: ClusterStatus, name: string, { owner, copies }: Place): boolean => {
  const group = groups.find((one) => one.name === name);
  const volume = volumes.find((one) => one.name === `v-${name}`);
  return (
    group?.owner === owner &&
    group.state === 'online' &&
    volume?.inSyncSet.toSorted().join() === copies.toSorted().join()
  );
};

async function serve(places: Readonly<Record<string, Place>>): Promise<void> {
  await until(
    JSON.stringify(places),
    async () => {
      const status = await s2.status();
      return (
        status !== undefined && Object.entries(places).every(([name, place]) => isPlaced(status, name, place))
      );
    },
    PATIENCE_MS,
  );
  for (const name of Object.keys(places)) assert.equal(lab.programs(name).length, 1, `${name} runs once`);
}

before(() => lab.begin(DOCUMENT));
after(() => lab.end());

test('each service runs at home, with a copy on both spares', { timeout: 600_000 }, async () => {
  await serve({
    east: { owner: 'n1', copies: ['n1', 's1', 's2'] },
    west: { owner: 'n2', copies: ['n2', 's1', 's2'] },
  });
});

test(
  'the first loss goes to the first spare, the second to the one that has room',
  { timeout: 600_000 },
  async () => {
    const [west] = lab.programs('west');
    await n1.losePower(lab.programs('east'));
    await serve({
      east: { owner: 's1', copies: ['s1', 's2'] },
      west: { owner: 'n2', copies: ['n2', 's1', 's2'] },
    });
    assert.deepEqual(lab.programs('west'), [west], 'the other service was left alone');
    const { code, stdout } = await eterne('group', 'explain', 'west', '--dir', n2.dir);
    assert.equal(code, 0);
    assert.match(stdout, /s1.*seats/);
    const [east] = lab.programs('east');
    await n2.losePower(lab.programs('west'));
    await serve({
      east: { owner: 's1', copies: ['s1', 's2'] },
      west: { owner: 's2', copies: ['s1', 's2'] },
    });
    assert.deepEqual(lab.programs('east'), [east]);
  },
);

test('whose node is back goes home, and its spare is free', { timeout: 600_000 }, async () => {
  const [west] = lab.programs('west');
  await n1.start();
  await serve({
    east: { owner: 'n1', copies: ['n1', 's1', 's2'] },
    west: { owner: 's2', copies: ['s1', 's2'] },
  });
  assert.deepEqual(lab.programs('west'), [west]);
});
