/**
 * The network of a running cluster is renumbered: a third network is added, the first taken away, an API moved, while a group runs and its client writes.
 * Nothing moves, no replica leaves the set; what would cut members off is refused; a node that was off comes back over what stayed. Three hosts, real
 * processes, pulled cables.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { hostsMissing } from './support/hosts.ts';
import { ownedBy, sleep } from './support/hosted-cluster.ts';
import { acknowledged, acksIn, isInSync, LedgerCluster } from './support/ledger-cluster.ts';

const MEMBERS = ['n1', 'n2', 'w'] as const;
const missing = hostsMissing();

const upTo = (node: string, { nodes }: ClusterStatus): number | undefined =>
  nodes.find(({ name }) => name === node)?.paths.filter(({ up }) => up).length;

class Renumbering extends LedgerCluster {
  /** A document that puts the members on these cards, with their API on one of them. */
  place(cards: readonly number[], apiCard: number, names: readonly string[] = MEMBERS): void {
    const nodes = names.map((name) => {
      const { addresses } = this.lab.host(name);
      const used = cards.map((card) => addresses[card]);
      return `  - { name: ${name}, addresses: [${used.join()}], api: "${addresses[apiCard]}:8443" }`;
    });
    const path = join(this.folder, 'places.yaml');
    writeFileSync(path, `nodes:\n${nodes.join('\n')}\n`);
    this.eterne('n1', 'config', 'apply', '-f', path);
  }

  /** Every member hears every other over so many paths; one that is up is up at both ends. */
  async heardOver(count: number): Promise<void> {
    for (const name of ['n1', 'n2'])
      await this.waitFor(name, `${count} paths to each`, (status) =>
        MEMBERS.every((other) => other === name || upTo(other, status) === count),
      );
  }

  /** Where n1 is connected with the mirror on n2. */
  linkPaths(): readonly string[] {
    const hosts = this.diskStatus('n1')?.peers[0]?.paths?.map((address) => address.replace(/:\d+$/, ''));
    return [...(hosts ?? [])].toSorted();
  }

  async linkedOver(...hosts: readonly string[]): Promise<void> {
    for (const startedMs = performance.now(); this.linkPaths().join() !== hosts.join(); await sleep(200))
      assert.ok(
        performance.now() - startedMs < 180_000,
        `linked over ${hosts.join()}, not ${this.linkPaths().join()}`,
      );
  }
}

test(
  'a network is replaced under a running group',
  { skip: missing ?? false, timeout: 600_000 },
  async (context) => {
    const cluster = new Renumbering('renumber', 3, 2);
    after(() => cluster.remove());
    const acks = join(cluster.folder, 'acks');
    const hosts = MEMBERS.map((name) => cluster.lab.host(name));
    await cluster.setUp();
    cluster.configure();
    await cluster.waitFor('n1', 'the group on n1', ownedBy('n1'));
    await cluster.waitFor('n1', 'both replicas', isInSync);
    await cluster.heardOver(2);
    await cluster.linkedOver('10.77.0.2', '10.77.1.2');
    cluster.load(cluster.lab.host('n1'), acks);
    await acknowledged(acks, 10);
    const epoch = cluster.status('n1')?.groups[0]?.epoch;
    const setVersion = cluster.diskStatus('n1')?.setVersion;
    /** The client goes on, on the same node, with both replicas all the time. */
    const nothingMoved = async (): Promise<void> => {
      await acknowledged(acks, acksIn(acks).length + 10);
      assert.equal(cluster.status('n1')?.groups[0]?.epoch, epoch);
      assert.equal(cluster.diskStatus('n1')?.setVersion, setVersion, 'no replica has left the set');
    };

    await context.test('a cut network card parts no replica', async () => {
      cluster.lab.host('n2').cut(0);
      await cluster.linkedOver('10.77.1.2');
      await nothingMoved();
      cluster.lab.host('n2').heal(0);
      await cluster.linkedOver('10.77.0.2', '10.77.1.2');
      await cluster.heardOver(2);
    });

    await context.test('all paths at once are refused, and addresses of another node', () => {
      assert.throws(
        () => cluster.place([2], 0),
        /n1 and n2 would keep no path that joins them now: add the new/,
      );
      const path = join(cluster.folder, 'taken.yaml');
      writeFileSync(path, 'nodes: [{ name: n1, addresses: [10.77.0.1, 10.77.1.2] }]\n');
      assert.throws(
        () => cluster.eterne('n1', 'config', 'apply', '-f', path),
        /10\.77\.1\.2:7700 is used by n2/,
      );
    });

    await context.test('a path is added: it is used by hearts and mirrors at once', async () => {
      cluster.place([0, 1, 2], 0);
      await cluster.heardOver(3);
      await cluster.linkedOver('10.77.0.2', '10.77.1.2', '10.77.2.2');
      await nothingMoved();
    });

    await context.test('the others are not taken away while the new one is down', async () => {
      cluster.lab.host('n1').cut(2);
      await cluster.waitFor('n2', 'the new path down', (status) => upTo('n1', status) === 2);
      assert.throws(
        () => cluster.place([2], 0),
        /n1 and n2 do not hear each other over what they would keep/,
      );
      cluster.lab.host('n1').heal(2);
      await cluster.heardOver(3);
    });

    await context.test('the first network is taken away, and the APIs with it', async () => {
      cluster.place([1, 2], 2);
      await cluster.heardOver(2);
      await cluster.linkedOver('10.77.1.2', '10.77.2.2');
      for (const host of hosts) {
        host.run('ip', 'address', 'flush', 'dev', 'eth0');
        host.cut(0);
      }
      await nothingMoved();
      for (const name of MEMBERS)
        await cluster.waitFor(name, 'its API', ({ nodes }) =>
          nodes.every(({ api }) => api.startsWith('10.77.2.')),
        );
    });

    await context.test('the other old network fails: the new one carries everything', async () => {
      for (const host of hosts) host.cut(1);
      await cluster.heardOver(1);
      await cluster.linkedOver('10.77.2.2');
      await nothingMoved();
    });

    await context.test('a node that was off while others moved comes back over what stayed', async () => {
      await cluster.kill('n2');
      await cluster.waitFor('n1', 'n2 lost', ({ nodes }) => nodes[1]?.state === 'lost');
      cluster.place([2], 2, ['n1', 'w']);
      cluster.restart('n2');
      await cluster.waitFor('n2', 'both replicas', (status) => isInSync(status) && ownedBy('n1')(status));
      const identity = JSON.parse(readFileSync(join(cluster.dir('n2'), 'node.json'), 'utf8')) as {
        addresses: string[];
        seeds: { node: string; addresses: string[] }[];
      };
      assert.deepEqual(identity.addresses, ['10.77.1.2:7700', '10.77.2.2:7700']);
      await cluster.linkedOver('10.77.2.2');
      assert.equal(cluster.status('n1')?.groups[0]?.epoch, epoch);
      const codes = cluster.events('n2').filter(({ code }) => code === 'node.addresses');
      assert.equal(codes.length, 8);
    });

    await context.test(
      'a node whose own addresses were all changed while it was off is told them',
      async () => {
        const n2 = cluster.lab.host('n2');
        const place = ['--address', '10.77.3.2', '--api', '10.77.3.2:8443'];
        assert.throws(() => cluster.eterne('n2', 'node', 'readdress', ...place), /is running/);
        await cluster.kill('n2');
        await cluster.waitFor('n1', 'n2 lost', ({ nodes }) => nodes[1]?.state === 'lost');
        for (const [index, host] of hosts.entries())
          host.run('ip', 'address', 'add', `10.77.3.${index + 1}/24`, 'dev', 'eth2');
        const path = join(cluster.folder, 'moved.yaml');
        writeFileSync(path, 'nodes: [{ name: n2, addresses: [10.77.3.2], api: "10.77.3.2:8443" }]\n');
        cluster.eterne('n1', 'config', 'apply', '-f', path);
        n2.run('ip', 'address', 'del', '10.77.2.2/24', 'dev', 'eth2');
        n2.run('ip', 'route', 'add', '10.77.2.0/24', 'dev', 'eth2');
        assert.match(cluster.eterne('n2', 'node', 'readdress', ...place), /n2 is at 10\.77\.3\.2:7700/);
        cluster.restart('n2');
        await cluster.waitFor('n2', 'both replicas', (status) => isInSync(status) && ownedBy('n1')(status));
        assert.equal(cluster.status('n1')?.groups[0]?.epoch, epoch);
      },
    );
  },
);
