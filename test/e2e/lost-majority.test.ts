/**
 * Of two nodes and a witness, the owner and the witness are lost for good. The other node cannot decide anything; by an operator's word it goes on as a new cluster, with every
 * acknowledged write. What comes back as it was follows the former cluster, and serves nothing; it joins anew, and is copied to.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { volumeSocketPath } from '@eterne/cluster/node/layout.ts';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { ClusterLab, isWellOn } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const lab = await ClusterLab.make('majority');
const n1 = lab.member('n1', 171);
const n2 = lab.member('n2', 172);
const witness = lab.member('w', 173, 'witness');
const another = lab.member('w2', 174, 'witness');
const KEPT = Buffer.alloc(4096, 'acknowledged before the loss');

const documentOf = (nodes: readonly ClusterNode[]): string => `volumes:
  - name: v
    size: 8MiB
    replicas: { ${nodes.map(({ name, dir }) => `${name}: ${join(dir, 'v.img')}`).join(', ')} }
groups:
  - name: g
    nodes: [${nodes.map(({ name }) => name).join(', ')}]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
      - ${lab.program()}
`;

const LIMIT = { timeout: 600_000 };
const RECOVER = ['cluster', 'recover', '--dir', n2.dir] as const;

async function must(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await eterne(...words);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function refusal(...words: readonly string[]): Promise<string> {
  const { code, stderr } = await eterne(...words);
  assert.notEqual(code, 0, words.join(' '));
  return stderr;
}

async function onVolumeOf<T>({ dir }: ClusterNode, use: (client: NbdClient) => Promise<T>): Promise<T> {
  const client = await NbdClient.open({ path: volumeSocketPath(dir, 'v') }, 'v');
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const read = (node: ClusterNode): Promise<Buffer> =>
  onVolumeOf(node, async (client) => {
    const { error, data } = await client.read(0, KEPT.length);
    assert.equal(error, 0);
    return data;
  });

before(() => lab.begin(documentOf([n1, n2]), [n1, n2, witness]));
after(() => lab.end());

test('without a majority nothing is decided, and the word is refused where it is wrong', LIMIT, async () => {
  await until('both copies are whole', () => isWellOn(n1));
  await onVolumeOf(n1, async (client) => assert.equal((await client.write(0, KEPT)).error, 0));
  assert.match(await refusal(...RECOVER, '--without', 'n1,w', '--accept-loss'), /is running/);
  n2.signal('SIGTERM');
  await n2.ended();
  assert.match(await refusal(...RECOVER, '--without', 'n1,w'), /--accept-loss/);
  assert.match(
    await refusal(...RECOVER, '--without', 'n1', '--accept-loss'),
    /members of this cluster are n1, w/,
  );
  assert.match(await refusal(...RECOVER, '--without', 'n1,w', '--accept-loss'), /n1 runs: it answers/);
  await n2.start();
  await until('both copies are whole again', () => isWellOn(n1));
  await Promise.all([n1.losePower(lab.programs()), witness.losePower()]);
  await until('n2 has no majority', async () => {
    const warnings = (await n2.status())?.warnings ?? [];
    return warnings.some((line) => /not in contact with a majority/.test(line));
  });
  assert.deepEqual(lab.programs(), []);
});

test('by a word the node that is left goes on, with every acknowledged write', LIMIT, async () => {
  n2.signal('SIGTERM');
  await n2.ended();
  const said = await must(...RECOVER, '--without', 'w,n1', '--accept-loss');
  assert.match(said, /n2 goes on with c as a new cluster, without n1, w\./);
  assert.match(await refusal(...RECOVER, '--without', 'n1,w'), /--accept-loss/);
  await n2.start();
  await until('the group runs on n2', async () => {
    const group = (await n2.status())?.groups[0];
    return group?.owner === 'n2' && group.state === 'online';
  });
  assert.deepEqual(await read(n2), KEPT);
  assert.equal(lab.programs().length, 1);
  const events = await must('events', '--dir', n2.dir, '--json');
  assert.match(events, /cluster\.recovered/);
});

test('who comes back as it was is believed by nobody, and serves nothing', LIMIT, async () => {
  const running = lab.programs();
  await n1.start();
  await until('both drop what the other says', async () => {
    const [one, two] = await Promise.all([n1.status(), n2.status()]);
    return [one, two].every((status) => (status?.dropped.heartbeats.forged ?? 0) > 0);
  });
  assert.deepEqual(
    (await n1.status())?.groups.map(({ state, owner }) => [state, owner]),
    [['blocked', null]],
  );
  const nodes = (await n2.status())?.nodes ?? [];
  assert.deepEqual(
    nodes.map(({ name, state }) => `${name} ${state}`),
    ['n1 lost', 'n2 online', 'w lost'],
  );
  await n1.losePower();
  assert.deepEqual(lab.programs(), running);
});

test('it joins anew, with another witness, and is copied to', LIMIT, async () => {
  const running = lab.programs();
  const apply = (nodes: readonly ClusterNode[]): Promise<void> => lab.applyAt(n2, documentOf(nodes));
  await apply([n2]);
  for (const name of ['n1', 'w']) await must('node', 'remove', name, '--dir', n2.dir);
  await another.join(n2);
  rmSync(n1.dir, { recursive: true });
  await n1.join(n2);
  await apply([n2, n1]);
  await until('both copies are whole', () => isWellOn(n2));
  assert.deepEqual(lab.programs(), running, 'the application ran on');
  await must('group', 'move', 'g', '--to', 'n1', '--dir', n2.dir);
  await until('the group is on n1', () => isWellOn(n1));
  assert.deepEqual(await read(n1), KEPT);
});
