/**
 * Three heartbeat paths: two network cards and a disk. Any one of them cut, nothing moves; all but the disk cut, the others take over from a node that
 * they still see, and say so. Three hosts, real processes, pulled cables.
 */
import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PathStatus } from '@eterne/cluster/ports.ts';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { hostsMissing } from './support/hosts.ts';
import { HostedCluster, ownedBy } from './support/hosted-cluster.ts';

const DISK_BYTES = 1024 * 1024;
/** Of an empty file, to which a write that was under way may have added zeroes. */
const CUT = /too short|is not a heartbeat disk/;
const missing = hostsMissing();

/** What `status` shows of the ways to `node`: up or down, in the order udp card 0, udp card 1, disk. */
function waysTo(node: string, { nodes }: ClusterStatus): string {
  const paths = nodes.find(({ name }) => name === node)?.paths ?? [];
  return paths.map(({ kind, up }) => `${kind} ${up ? 'up' : 'down'}`).join(', ');
}

function diskPathTo(node: string, status: ClusterStatus): PathStatus {
  const paths = status.nodes.find(({ name }) => name === node)?.paths;
  return paths?.find(({ kind }) => kind === 'disk') ?? assert.fail('a disk path');
}

const reachOf = (node: string, { nodes }: ClusterStatus): string | undefined =>
  nodes.find(({ name }) => name === node)?.reach;

test(
  'paths cut one by one, then all but the disk',
  { skip: missing ?? false, timeout: 600_000 },
  async (context) => {
    const cluster = new HostedCluster('paths', 2);
    after(() => cluster.remove());
    const disk = join(cluster.folder, 'heartbeat-disk');
    const mark = `MARK=${cluster.folder}`;
    const n1 = cluster.lab.host('n1');
    const group = (nodes: readonly string[]): string =>
      `{ name: app, nodes: [${nodes.join()}], resources: [{ name: app, type: app, command: [/bin/sleep, '12345'], env: { MARK: '${cluster.folder}' } }] }`;
    await cluster.setUp();

    await context.test('a disk that holds something is refused, an empty one is taken', async () => {
      const document = `cluster: { tieBreaker: { kind: witness }, heartbeatDisks: ["${disk}"] }\n`;
      writeFileSync(disk, 'somebody’s data');
      truncateSync(disk, DISK_BYTES);
      assert.throws(() => cluster.apply(document), /is not empty: it may hold somebody's data/);
      truncateSync(disk, 0);
      truncateSync(disk, DISK_BYTES);
      cluster.apply(`${document}groups: [${group(['n1', 'n2'])}]`);
      await cluster.waitFor('n1', 'the group on n1', ownedBy('n1'));
      await cluster.waitFor(
        'n2',
        'three ways to n1',
        (status) => waysTo('n1', status) === 'udp up, udp up, disk up',
      );
    });

    const epochOf = (): number | undefined => cluster.status('n2')?.groups[0]?.epoch;
    const epoch = epochOf();
    const nothingMoved = (): void => {
      assert.equal(epochOf(), epoch);
      assert.equal(cluster.programs(mark), 1);
    };

    for (const [card, ways] of ['udp down, udp up, disk up', 'udp up, udp down, disk up'].entries())
      await context.test(`card ${card} cut: nothing moves`, async () => {
        n1.cut(card);
        await cluster.waitFor('n2', ways, (status) => status.quorate && waysTo('n1', status) === ways);
        nothingMoved();
        n1.heal(card);
        await cluster.waitFor(
          'n2',
          'both cards',
          (status) => waysTo('n1', status) === 'udp up, udp up, disk up',
        );
      });

    await context.test(
      'the disk cut: nothing moves, and every node’s status says what is wrong',
      async () => {
        const content = readFileSync(disk);
        truncateSync(disk, 0);
        await cluster.waitFor(
          'n2',
          'the disk down',
          (status) => waysTo('n1', status) === 'udp up, udp up, disk down',
        );
        await cluster.waitFor('n2', 'the reason', (status) =>
          CUT.test(diskPathTo('n1', status).trouble ?? ''),
        );
        await cluster.waitFor('n2', 'the word of n1', ({ warnings }) =>
          warnings.some((line) => line.startsWith('n1 has no heartbeat over a disk') && CUT.test(line)),
        );
        nothingMoved();
        writeFileSync(disk, content);
        await cluster.waitFor(
          'n2',
          'the disk',
          (status) => waysTo('n1', status) === 'udp up, udp up, disk up',
        );
      },
    );

    await context.test(
      'all but the disk cut: the majority takes over, from a node that it sees',
      async () => {
        n1.cut();
        await cluster.waitFor('n2', 'the group on n2', ownedBy('n2'));
        await cluster.waitFor('n2', 'n1 cut off', (status) => reachOf('n1', status) === 'disk');
        assert.equal(cluster.programs(mark), 1, 'n1 has ended it by itself');
        const ways = 'udp down, udp down, disk up';
        await cluster.waitFor(
          'n2',
          ways,
          (status) => waysTo('n1', status) === ways && status.nodes[0]?.state === 'online',
        );
        await cluster.waitFor(
          'n1',
          'n1 alone',
          (status) => !status.quorate && reachOf('n2', status) === 'disk',
        );
        const codes = (): string[] => cluster.events('n2').map(({ code, node }) => `${code} ${node}`);
        await cluster.waitFor('n2', 'the timeline', () => codes().includes('node.cut-off n1'));
        assert.throws(() => cluster.eterne('n2', 'node', 'confirm-stopped', 'n1'), /it is only cut off/);
      },
    );

    await context.test('it returns, and the group stays', async () => {
      n1.heal();
      await cluster.waitFor('n1', 'n1 in the cluster', (status) => status.quorate && ownedBy('n2')(status));
      await cluster.waitFor('n2', 'all ways', (status) => waysTo('n1', status) === 'udp up, udp up, disk up');
      assert.equal(cluster.programs(mark), 1);
    });

    await context.test('a node that was removed and runs on is a stranger', async () => {
      cluster.apply(`groups: [${group(['n2'])}]\n`);
      cluster.eterne('n2', 'node', 'remove', 'n1');
      await cluster.waitFor(
        'n2',
        'n1 dropped',
        ({ nodes, dropped }) => nodes.length === 2 && dropped.heartbeats.stranger > 0,
      );
      await cluster.waitFor('n1', 'n1 alone', ({ quorate }) => !quorate);
      assert.deepEqual(
        cluster.status('n2')?.nodes.map(({ name }) => name),
        ['n2', 'w'],
      );
    });
  },
);
