/** Two nodes and nothing else but a file that both reach: the tie-breaker lets either go on alone, and a third voter takes its place. */
import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ClusterLab, isWellOn } from './support/cluster-lab.ts';
import { until } from './support/cluster-node.ts';

const lab = await ClusterLab.make('pair');
const n1 = lab.member('n1', 71);
const n2 = lab.member('n2', 72);
const witness = lab.member('w', 73, 'witness');
const TIE = join(lab.root, 'tie');

const DOCUMENT = `cluster: { tieBreaker: { kind: disk, device: ${TIE} } }
volumes:
  - { name: v, size: 8MiB, mode: sync, replicas: { n1: ${n1.dir}/v.img, n2: ${n2.dir}/v.img } }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
      - ${lab.program()}
`;

before(async () => {
  writeFileSync(TIE, '');
  truncateSync(TIE, 1024 * 1024);
  await lab.begin(DOCUMENT, [n1, n2]);
});

after(() => lab.end());

test('either of the two goes on alone', { timeout: 600_000 }, async () => {
  await until('the group is well on n1', () => isWellOn(n1));
  n1.signal('SIGKILL');
  await until('n2 has taken over alone', async () => {
    const status = await n2.status();
    return (
      status?.quorate === true && status.groups[0]?.owner === 'n2' && status.groups[0].state === 'online'
    );
  });
  assert.equal(lab.programs().length, 1);
  await n1.ended();
  await n1.start();
  await until('the group is well on n2', () => isWellOn(n2));
  n2.signal('SIGKILL');
  await until('n1 has taken over alone', async () => {
    const status = await n1.status();
    return (
      status?.quorate === true && status.groups[0]?.owner === 'n1' && status.groups[0].state === 'online'
    );
  });
  await n2.ended();
  await n2.start();
  await until('the group is well on n1', () => isWellOn(n1));
});

test('a witness takes its place while everything runs', { timeout: 600_000 }, async () => {
  const program = lab.programs();
  await witness.join(n1);
  await until('nothing weakens the cluster', async () => (await n1.status())?.warnings.length === 0);
  const content = readFileSync(TIE);
  n2.signal('SIGKILL');
  await until(
    'n2 is lost',
    async () => (await n1.status())?.nodes.some(({ state }) => state === 'lost') ?? false,
  );
  await until('n1 goes on with the witness', async () => (await n1.status())?.quorate === true);
  assert.deepEqual(lab.programs(), program, 'the program was left alone');
  assert.ok(content.equals(readFileSync(TIE)), 'nobody uses the tie-breaker any more');
});
