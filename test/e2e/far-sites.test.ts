/**
 * Profile `wan` on lines that take 150 ms each way and lose 5 % of what they carry: a cluster is founded and joined over them, nobody is lost by mistake, and a
 * node that is killed is taken over from within what status says. Three hosts, real processes.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FarLab, farLabMissing } from './support/far-lab.ts';
import { HostedCluster, ownedBy, sleep } from './support/hosted-cluster.ts';

const DISTANCE = { delayMs: 150, lossPercent: 5 };
/** More than a silence of `wan`; a dozen of `lan`. */
const QUIET_MS = 12_000;
/** From the decision to a program that runs and a log that says so, on a busy machine, with entries that travel. */
const START_MS = 8000;
const missing = farLabMissing();

test('sites far apart', { skip: missing ?? false, timeout: 300_000 }, async (context) => {
  const lab = await FarLab.make(['n1', 'n2', 'w'], DISTANCE);
  const cluster = new HostedCluster('far', 1, 1, lab);
  after(() => cluster.remove());
  await cluster.setUp('--profile', 'wan');
  const resource = `{ name: app, type: app, command: [/bin/sleep, '12345'], env: { MARK: '${cluster.folder}' } }`;
  cluster.apply(
    `cluster: { tieBreaker: { kind: witness } }\ngroups: [{ name: app, nodes: [n1, n2], resources: [${resource}] }]\n`,
  );
  await cluster.waitFor('n1', 'the group on n1', ownedBy('n1'));
  await cluster.waitFor('n2', 'the profile', ({ profile }) => profile === 'wan');
  // Whoever leads where a group runs hands over to the witness, which is no failure.
  await cluster.waitFor('n1', 'the witness to lead', () =>
    cluster.events('n1').some(({ code, node }) => code === 'cluster.leader' && node === 'w'),
  );

  await context.test('nobody is lost, nobody else leads, nothing moves', async () => {
    await cluster.waitFor('n1', 'the paths', ({ nodes }) => nodes.every(({ reach }) => reach === 'network'));
    const [path] = cluster.status('n1')?.nodes.find(({ name }) => name === 'n2')?.paths ?? [];
    assert.ok((path?.latencyMs ?? 0) >= 2 * DISTANCE.delayMs, `a round trip of ${path?.latencyMs} ms`);
    const before = cluster.events('n1').at(-1)?.id ?? 0;
    await sleep(QUIET_MS);
    const codes = cluster
      .events('n1')
      .filter(({ id }) => id > before)
      .map(({ code }) => code);
    assert.deepEqual(
      codes.filter((code) => /lost|online|leader|group/.test(code)),
      [],
    );
  });

  await context.test('a killed node is taken over from in time', async () => {
    const { takeOverMs } = cluster.status('n2')?.consensus ?? assert.fail('a status');
    const killedAtMs = Date.now();
    await cluster.kill('n1');
    await cluster.waitFor('n2', 'the group on n2', ownedBy('n2'));
    // By the event: the hosts share a clock, and to ask takes seconds on a busy machine.
    const online = cluster
      .events('n2')
      .findLast(({ code, node }) => code === 'group.online' && node === 'n2');
    const tookMs = (online?.atMs ?? Number.POSITIVE_INFINITY) - killedAtMs;
    assert.ok(tookMs <= takeOverMs + START_MS, `${tookMs} ms, of ${takeOverMs}`);
    context.diagnostic(`taken over after ${tookMs} ms; leases ${takeOverMs} ms`);
    assert.equal(cluster.programs(`MARK=${cluster.folder}`), 1);
  });
});
