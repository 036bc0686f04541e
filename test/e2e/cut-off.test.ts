/**
 * A node cut off from both others stops serving and acknowledges nothing; another takes over with every acknowledged record; the one that
 * returns resynchronises only what changed. Three hosts, real processes, a pulled cable.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hostsMissing } from './support/hosts.ts';
import { ownedBy, sleep } from './support/hosted-cluster.ts';
import {
  acknowledged,
  acksIn,
  isInSync,
  LEDGER,
  LedgerCluster,
  VOLUME_BYTES,
  type Ack,
} from './support/ledger-cluster.ts';

/** Lease, grace and room for a slow machine: after this a node that was cut off acknowledges nothing. */
const SILENT_WITHIN_MS = 6000;
const missing = hostsMissing();

test('a node cut off from both others', { skip: missing ?? false, timeout: 600_000 }, async (context) => {
  const trial = new LedgerCluster('cut');
  after(() => trial.remove());
  const [n1, n2] = [trial.lab.host('n1'), trial.lab.host('n2')];
  const [acks1, acks2] = [join(trial.folder, 'acks1'), join(trial.folder, 'acks2')];
  await trial.setUp();
  trial.configure();
  await trial.waitFor('n1', 'the group on n1', ownedBy('n1'));
  await trial.waitFor('n1', 'both replicas', isInSync);
  trial.load(n1, acks1);
  trial.load(n2, acks2);
  await acknowledged(acks1, 10);

  n1.cut();
  await sleep(SILENT_WITHIN_MS);
  const before = acksIn(acks1).length;
  await context.test('it acknowledges nothing any more', async () => {
    await sleep(SILENT_WITHIN_MS);
    assert.equal(acksIn(acks1).length, before);
  });
  await context.test('the other takes over with every acknowledged record', async () => {
    await trial.waitFor('n2', 'the group on n2', ownedBy('n2'));
    await acknowledged(acks2, 1);
    for (const { number, checksum } of acksIn(acks1)) {
      const text = n2.run('curl', '-fsS', `http://${LEDGER}/records/${number}`);
      assert.equal((JSON.parse(text) as Ack).checksum, checksum, `record ${number}`);
    }
  });
  await context.test('it returns and resynchronises only what changed', async () => {
    n1.heal();
    await trial.waitFor('n2', 'both replicas', isInSync);
    const resync = trial.diskStatus('n2')?.peers[0]?.resync;
    assert.equal(resync?.kind, 'bitmap');
    assert.ok(resync.syncedBytes < VOLUME_BYTES / 10, `${resync.syncedBytes} bytes`);
    assert.equal(acksIn(acks1).length, before, 'nor did it acknowledge anything meanwhile');
  });
});
