/**
 * PostgreSQL on ext4 on a mirrored volume at a floating address, made of the template, on two hosts; a client on a third one counts every transaction that was
 * committed. Everything on the owner's host dies at once, twice: first on one host, then on the other.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { hostsMissing } from './support/hosts.ts';
import { PostgresCluster, postgresMissing } from './support/postgres-cluster.ts';

/** What is wanted is 4 s (`npm run bench -- takeover` measures it); this much is left to a machine that does other work, too, and two rounds of so many. */
const OUTAGE_MAX_MS = 12_000;
const IN_TIME = 2;
const ROUNDS_MAX = 5;

const skip = hostsMissing() ?? postgresMissing() ?? false;

test('PostgreSQL loses no transaction with its server', { skip, timeout: 600_000 }, async () => {
  const cluster = new PostgresCluster();
  after(() => cluster.remove());
  await cluster.setUp();
  await cluster.serve();
  const outagesMs: number[] = [];
  while (outagesMs.filter((ms) => ms < OUTAGE_MAX_MS).length < IN_TIME) {
    const round = outagesMs.length + 1;
    assert.ok(round <= ROUNDS_MAX, `it was away for ${outagesMs.join(', ')} ms`);
    await cluster.acknowledgesMore(100);
    const { owner, outageMs } = await cluster.crashOwner();
    outagesMs.push(Math.round(outageMs));
    const acknowledged = cluster.acknowledged();
    const kept = cluster.numbers();
    const lost = acknowledged.filter(({ number }) => !kept.has(number));
    assert.deepEqual(lost, [], `round ${round}`);
    cluster.restart(owner);
    assert.notEqual(await cluster.untilWhole(), owner);
  }
});
