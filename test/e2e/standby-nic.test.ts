/**
 * A floating address inside one server: deleted by hand it is put back, and when its card loses the cable the other card of the same server takes it,
 * while the group stays where it is. Without any cable it goes to the other server; where nobody has one, as while a switch restarts, it stays, and is there
 * when the cables are. Three hosts, real processes, pulled cables; the client is on a host that does not have the group.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { hostsMissing, Lab } from './support/hosts.ts';
import { HostedCluster, ownedBy, sleep } from './support/hosted-cluster.ts';

const PATIENCE_MS = 180_000;
const HOST = '10.78.0.100';
const PORT = 8080;
/** Card 0 carries the cluster; the address has two others, on switches that are one network. */
const FIRST = 1;
const STANDBY = 2;
const SERVER = `require('node:net').createServer((client) => client.on('error', () => {}).end('well')).listen(${PORT}, '${HOST}')`;

const missing = hostsMissing();

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const startedMs = performance.now(); !holds(); await sleep(100))
    assert.ok(performance.now() - startedMs < PATIENCE_MS, `waited too long for ${what}`);
}

class Service extends HostedCluster {
  readonly #server = this.lab.host('n1');
  readonly #client = this.lab.host('w');

  serve(): void {
    this.#client.run('ip', 'address', 'add', '10.78.0.1/24', 'dev', `eth${FIRST}`);
    // Else the kernel answers for the address on every card of the network, and the client may know the wrong one from the start.
    this.#server.run('sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1');
    const app = { name: 'app', type: 'app', command: [process.execPath, '--eval', SERVER] };
    const interfaces = [`eth${FIRST}`, `eth${STANDBY}`];
    // A check that comes too late on a busy machine is a failure, too; it is not to move the group.
    const restart = { attempts: 10, window: '10m' };
    const address = { name: 'address', type: 'ip', address: `${HOST}/24`, interfaces, restart };
    this.apply(
      JSON.stringify({
        cluster: { tieBreaker: { kind: 'witness' } },
        groups: [{ name: 'web', nodes: ['n1', 'n2'], resources: [address, app] }],
      }),
    );
  }

  /** Cards of n1 that have the address. */
  carriers(): string {
    const rows = this.#server.run('ip', '-oneline', 'address', 'show', 'to', `${HOST}/32`).split('\n');
    return rows.flatMap((row) => /^\d+: (\w+)/.exec(row)?.[1] ?? []).join();
  }

  deleteByHand(card: number): void {
    this.#server.run('ip', 'address', 'del', `${HOST}/24`, 'dev', `eth${card}`);
  }

  macOf(card: number): string {
    return this.#server.run('cat', `/sys/class/net/eth${card}/address`).trim();
  }

  /** Where the client would send what is for the address. */
  knownMac(): string | undefined {
    return /lladdr (\S+)/.exec(this.#client.run('ip', 'neighbour', 'show', HOST))?.[1];
  }

  reaches(): boolean {
    try {
      return this.#client.run('timeout', '1', 'bash', '-c', `cat < /dev/tcp/${HOST}/${PORT}`) === 'well';
    } catch {
      return false;
    }
  }

  #timeline(): readonly string[] {
    return this.events('n2').map(({ message }) => message);
  }

  failures(): readonly string[] {
    return this.#timeline().filter((message) => message.startsWith('address of group web failed'));
  }

  /** The timeline says why it was repaired. */
  hasFailedBy(reason: string): void {
    const expected = `address of group web failed on n1: ${reason}`;
    assert.ok(this.failures().includes(expected), `${expected}: not in ${this.failures().join('; ')}`);
  }

  hasLeftFor(trouble: string): void {
    const message = this.#timeline().find((said) => said.startsWith('group web is to leave n1'));
    assert.ok(message?.includes(trouble), message);
  }
}

test(
  'a floating address is kept inside its server',
  { skip: missing ?? false, timeout: 600_000 },
  async (context) => {
    const lab = new Lab(['n1', 'n2', 'w'], 3);
    const cluster = new Service('nic', 3, 1, lab);
    after(() => cluster.remove());
    lab.joinSwitches(FIRST, STANDBY);
    await cluster.setUp();
    cluster.serve();
    await cluster.waitFor('n2', 'the group on n1', ownedBy('n1'));
    await until('the client to reach it', () => cluster.reaches());
    assert.equal(cluster.carriers(), `eth${FIRST}`);
    const epoch = cluster.status('n2')?.groups[0]?.epoch ?? assert.fail('a group');
    const stayed = (): Promise<void> =>
      cluster.waitFor('n2', 'the group online', (status) => {
        assert.equal(status.groups[0]?.owner, 'n1');
        assert.equal(status.groups[0]?.epoch, epoch);
        return ownedBy('n1')(status);
      });

    await context.test('deleted by hand, it is put back on its card', async () => {
      cluster.deleteByHand(FIRST);
      await until('the address', () => cluster.carriers() === `eth${FIRST}`);
      await until('the client to reach it', () => cluster.reaches());
      await stayed();
      cluster.hasFailedBy(`${HOST} is gone from this node`);
    });

    await context.test(
      'its card without a cable, the standby card has it, and the client is told',
      async () => {
        assert.equal(cluster.knownMac(), cluster.macOf(FIRST));
        lab.host('n1').cut(FIRST);
        await until('the address', () => cluster.carriers() === `eth${STANDBY}`);
        // The client sends nothing until then: what it knows can only have come by the announcement.
        await until('the announcement', () => cluster.knownMac() === cluster.macOf(STANDBY));
        await until('the client to reach it', () => cluster.reaches());
        await stayed();
        cluster.hasFailedBy(`the link of eth${FIRST} is down`);
      },
    );

    await context.test('without any cable the group goes to the other server', async () => {
      lab.host('n1').cut(STANDBY);
      await cluster.waitFor('n2', 'the group on n2', ownedBy('n2'));
      await until('the client to reach it', () => cluster.reaches());
      cluster.hasLeftFor('n1 has trouble: ');
      assert.ok(!cluster.failures().some((reason) => reason.includes(`eth${STANDBY}`)));
    });

    await context.test(
      'where nobody has a cable it stays, and is reached when the cables are back',
      async () => {
        const cards = [FIRST, STANDBY];
        for (const card of cards) lab.host('n2').cut(card);
        await cluster.waitFor('w', 'what n2 sees', ({ nodes }) => {
          const troubles = nodes.find(({ name }) => name === 'n2')?.troubles ?? [];
          return cards.every((card) => troubles.some(({ subject }) => subject === `eth${card}`));
        });
        assert.equal(cluster.reaches(), false);
        assert.ok(ownedBy('n2')(cluster.status('w') ?? assert.fail('a status')));
        for (const card of cards) lab.host('n2').heal(card);
        await until('the client to reach it', () => cluster.reaches());
      },
    );
  },
);
