/**
 * Two hosts and nothing else, told to prefer availability: either goes on when the other's power is cut. When only the cable between them is cut both go on, and once it is back one
 * half gives way, the volume's split brain is told, and an operator ends it.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MIB } from '@eterne/base';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { ownedBy, sleep } from './support/hosted-cluster.ts';
import { LEDGER, LedgerCluster } from './support/ledger-cluster.ts';
import { hostsMissing, Lab } from './support/hosts.ts';

const missing = hostsMissing();

class Pair extends LedgerCluster {
  /** Gives the record's number once it is acknowledged. */
  async post(name: string, payload: string): Promise<number> {
    const text = await this.#ask(name, '-d', JSON.stringify({ payload }), `http://${LEDGER}/records`);
    return (JSON.parse(text) as { number: number }).number;
  }

  async record(name: string, number: number): Promise<string> {
    const text = await this.#ask(name, `http://${LEDGER}/records/${number}`);
    return (JSON.parse(text) as { payload: string }).payload;
  }

  /** Of the application, which may just be started again. */
  async #ask(name: string, ...args: readonly string[]): Promise<string> {
    for (const startedMs = performance.now(); ; await sleep(200)) {
      try {
        return this.lab.host(name).run('curl', '-fsS', '-m', '5', ...args);
      } catch (error) {
        if (performance.now() - startedMs > 180_000) throw error;
      }
    }
  }

  codes(name: string): readonly string[] {
    return this.events(name).map(({ code }) => code);
  }
}

const isWhole = ({ volumes, tieBreaker, warnings }: ClusterStatus): boolean =>
  volumes[0]?.inSyncSet.length === 2 && tieBreaker?.votes === true && warnings.length === 0;
const isAlone = (status: ClusterStatus): boolean => status.tieBreaker?.heldBecause != null;

test('a pair that prefers availability', { skip: missing ?? false, timeout: 600_000 }, async (context) => {
  const pair = new Pair('available', 1, 1, new Lab(['n1', 'n2']));
  after(() => pair.remove());
  const [n1] = pair.lab.hosts;
  await pair.setUp();
  await pair.waitFor('n1', 'feature levels', ({ features }) => features.level === features.highest);
  pair.configure('{ prefer: availability }', 16 * MIB);
  await pair.waitFor('n1', 'the group on n1', (status) => ownedBy('n1')(status) && isWhole(status));
  const first = await pair.post('n1', 'before');

  await context.test('the other takes over when the power of the owner’s node is cut', async () => {
    await pair.kill('n1');
    await pair.waitFor('n2', 'the group on n2', (status) => ownedBy('n2')(status) && isAlone(status));
    assert.equal(await pair.record('n2', first), 'before');
    await pair.post('n2', 'alone');
    assert.ok(pair.codes('n2').includes('pair.alone'));
  });
  await context.test('and does not remove the lost one, which may run, by itself', () => {
    assert.throws(() => pair.eterne('n2', 'node', 'remove', 'n1'), /may have gone on alone/);
    const words = ['node', 'remove', 'n1', '--confirm-stopped'];
    assert.throws(() => pair.eterne('n2', ...words), /group ledger still uses n1/);
  });
  await context.test('which comes back, follows, and is brought up to date', async () => {
    pair.restart('n1');
    await pair.waitFor('n2', 'both replicas', isWhole);
    assert.ok(pair.codes('n1').includes('pair.whole'));
    assert.ok(!pair.codes('n1').includes('pair.parted'));
  });
  await context.test('both go on when only the cable is cut', async () => {
    n1?.cut();
    await pair.waitFor('n1', 'the group on n1 too', (status) => ownedBy('n1')(status) && isAlone(status));
    await pair.waitFor('n2', 'n2 to go on', isAlone);
    await pair.post('n1', 'only on n1');
  });
  const kept = await pair.post('n2', 'only on n2');
  await context.test(
    'met again, the half that owned less gives way, and the split brain is told',
    async () => {
      n1?.heal();
      await pair.waitFor(
        'n2',
        'n1 to have joined again',
        (status) => pair.codes('n2').filter((code) => code === 'pair.whole').length === 2 && !isAlone(status),
      );
      assert.ok(pair.codes('n2').includes('pair.parted'));
      await pair.waitFor('n1', 'n1 to follow', ownedBy('n2'));
      assert.equal(await pair.record('n2', kept), 'only on n2');
      await pair.waitFor('n2', 'the split brain', ({ warnings }) =>
        warnings.some((line) => /Volume data has a split brain/.test(line)),
      );
      const put = readdirSync(join(pair.dir('n1'), 'raft')).filter((name) => name.startsWith('log.parted-'));
      assert.equal(put.length, 1, 'what the half decided is kept');
    },
  );
  await context.test('which an operator ends', async () => {
    pair.eterne('n2', 'volume', 'resolve', 'data', '--node', 'n1', '--discard-local', '--confirm', 'data');
    await pair.waitFor('n2', 'both replicas', isWhole);
    assert.equal(await pair.record('n2', kept), 'only on n2');
  });
});
