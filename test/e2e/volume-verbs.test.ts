/**
 * Verbs for the replicas of a cluster's volume, asked of any node, and its settings: a copy that was altered behind the mirror's back is found and repaired, one
 * that is declared worthless is copied anew, and what would cost acknowledged writes is refused; the volume grows while it is in use.
 */
import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { VolumeDetail } from '@eterne/cluster/api/schema/volumes.ts';
import type { ClusterEvent } from '@eterne/cluster/state/model.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const lab = await ClusterLab.make('verbs');
const n1 = lab.member('n1', 91);
const n2 = lab.member('n2', 92);
const witness = lab.member('w', 93, 'witness');
const IMAGE = [join(n1.dir, 'v.img'), join(n2.dir, 'v.img')] as const;

const DOCUMENT = `volumes:
  - name: v
    size: 8MiB
    initialSync: full
    replicas: { n1: ${IMAGE[0]}, n2: ${IMAGE[1]} }
    checksums: crc32c
    onDiskError: move
    rescueJournal: { max: 64MiB }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
`;

async function volume(at: ClusterNode, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await eterne('volume', ...words, '--dir', at.dir);
  assert.equal(code, 0, `volume ${words.join(' ')}: ${stderr}`);
  return stdout;
}

async function refusal(at: ClusterNode, ...words: readonly string[]): Promise<string> {
  const { code, stderr } = await eterne('volume', ...words, '--dir', at.dir);
  assert.notEqual(code, 0, words.join(' '));
  return stderr;
}

const synced = (): Promise<string> => volume(n2, 'wait', 'v', '--for', 'synced', '--timeout', '60s');

async function rot(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(4096, 7), 0, 4096, 64 * 1024);
  await file.close();
}

before(async () => {
  await lab.begin(DOCUMENT);
  await until('n1 serves', async () => (await n1.status())?.groups[0]?.state === 'online');
  await synced();
});

after(() => lab.end());

test(
  'a copy that was altered is found, and repaired, whichever node is asked',
  { timeout: 600_000 },
  async () => {
    await rot(IMAGE[1]);
    const found = JSON.parse(await volume(n2, 'verify', 'v', '--json')) as VolumeDetail;
    const report = found.replicas.find(({ node }) => node === 'n1')?.report;
    assert.equal(report?.peers[0]?.lastVerify?.differingBytes, 4096);
    await volume(n2, 'resync', 'v');
    await synced();
    assert.deepEqual(await readFile(IMAGE[1]), await readFile(IMAGE[0]));
  },
);

test(
  'a copy that is declared worthless is copied anew; the one that is served is not given up',
  { timeout: 600_000 },
  async () => {
    const confirm = ['--confirm', 'v'];
    assert.match(await refusal(n2, 'invalidate', 'v', '--node', 'n1', ...confirm), /served by n1/);
    assert.match(
      await refusal(n2, 'invalidate', 'v', '--node', 'n2', '--confirm', 'w'),
      /confirm it by its name/,
    );
    await rot(IMAGE[1]);
    await volume(n1, 'invalidate', 'v', '--node', 'n2', ...confirm);
    await synced();
    assert.deepEqual(await readFile(IMAGE[1]), await readFile(IMAGE[0]));
    // The mirror knows it before the cluster's log does.
    await until(
      'both are in the set',
      async () => (await n1.status())?.volumes[0]?.inSyncSet.join() === 'n1,n2',
    );
    const events = JSON.parse((await eterne('events', '--json', '--dir', n2.dir)).stdout) as {
      events: ClusterEvent[];
    };
    const told = events.events.find(({ message }) => message.includes('declared worthless'));
    assert.match(told?.by ?? '', /^root@127\./);
  },
);

test('a replica is left alone, and taken up again', { timeout: 600_000 }, async () => {
  await volume(n2, 'disconnect', 'v', '--node', 'n1');
  await until('the set goes on without n2', async () => {
    const set = (await n1.status())?.volumes[0]?.inSyncSet;
    return set?.length === 1;
  });
  await volume(n2, 'connect', 'v', '--node', 'n1');
  await synced();
});

test(
  'it grows on every replica while it is in use, and keeps its settings',
  { timeout: 600_000 },
  async () => {
    await volume(witness, 'resize', 'v', '--size', '16MiB');
    await until('both have grown', async () => {
      const [v] = (await n2.status())?.volumes ?? [];
      return v?.sizeBytes === 16 << 20 && v.growsToBytes === null;
    });
    const { replicas } = JSON.parse(await volume(n1, 'status', 'v', '--json')) as VolumeDetail;
    assert.deepEqual(
      replicas.map(({ report }) => report?.sizeBytes),
      [16 << 20, 16 << 20],
    );
    assert.match(await refusal(n1, 'resize', 'v', '--size', '8MiB'), /would destroy what lies at its end/);
    const shown = (await eterne('config', 'show', '--dir', witness.dir)).stdout;
    for (const line of [/size: 16777216/, /checksums: crc32c/, /onDiskError: move/])
      assert.match(shown, line);
  },
);
