/**
 * An asynchronous volume of a cluster, exported by iSCSI on both nodes: its primary is lost and the copy goes on by itself, telling
 * what it may lack; the old primary follows it then.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';

const lab = await ClusterLab.make('async');
const n1 = lab.member('n1', 81);
const n2 = lab.member('n2', 82);
lab.member('w', 83, 'witness');
const iscsiPort = await freePort();

const DOCUMENT = `volumes:
  - name: v
    size: 8MiB
    mode: async
    asyncTakeover: auto
    compress: zstd
    replicas: { n1: ${n1.dir}/v.img, n2: ${n2.dir}/v.img }
    exports:
      - iscsi: { iqn: "iqn.2026-11.io.eterne:v", listen: { n1: "${n1.host}:${iscsiPort}", n2: "${n2.host}:${iscsiPort}" } }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
`;

/** The group runs on `owner`, and the other copy follows. */
const isFollowed = async (owner: ClusterNode, other: ClusterNode): Promise<boolean> => {
  const status = await owner.status();
  const [group] = status?.groups ?? [];
  const copy = status?.volumes[0]?.replicas.find(({ node }) => node === other.name);
  return group?.owner === owner.name && group.state === 'online' && group.protected && copy?.lagBytes === 0;
};

before(() => lab.begin(DOCUMENT));

after(() => lab.end());

test(
  'the lagging copy goes on by itself, and the lost primary follows it when it is back',
  { timeout: 600_000 },
  async () => {
    await until('n2 follows n1', () => isFollowed(n1, n2));
    n1.signal('SIGKILL');
    await until('n2 goes on', async () => {
      const status = await n2.status();
      return status?.groups[0]?.owner === 'n2' && status.groups[0].state === 'online';
    });
    const volume = (await n2.status())?.volumes[0];
    assert.equal(volume?.givenUp?.node, 'n2');
    const { hasUntilMs, atMs } = volume.givenUp;
    assert.ok(hasUntilMs !== null && hasUntilMs <= atMs, 'what may be lost is bounded in time');
    assert.deepEqual(volume.inSyncSet, ['n2']);
    await n1.ended();
    await n1.start();
    await until('n1 follows n2', () => isFollowed(n2, n1));
    const kept = readdirSync(join(n1.dir, 'volumes')).filter((name) => name.endsWith('.rescue'));
    assert.equal(kept.length, 1, 'n1 has a rescue journal for what it had more');
  },
);
