/** Two nodes and nothing else but a file that both reach: the tie-breaker lets either go on alone, and a third voter takes its place. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ClusterNode, until } from './support/cluster-node.ts';

const root = await mkdtemp(join(tmpdir(), 'eterne-pair-'));
const n1 = new ClusterNode(root, 'n1', 71, 'node');
const n2 = new ClusterNode(root, 'n2', 72, 'node');
const witness = new ClusterNode(root, 'w', 73, 'witness');
const everybody = [n1, n2, witness];
const TIE = join(root, 'tie');

const DOCUMENT = `cluster: { tieBreaker: { kind: disk, device: ${TIE} } }
volumes:
  - { name: v, size: 8MiB, mode: sync, replicas: { n1: ${n1.dir}/v.img, n2: ${n2.dir}/v.img } }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
      - { name: app, type: app, command: ["/bin/sleep", "12345"], env: { FOLDER: "${root}" } }
`;

function programs(): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`FOLDER=${root}\0`);
    } catch {
      return false;
    }
  });
}

/** The group runs on `owner`, both copies are equal, and either node could be lost. */
const isWell = async (owner: ClusterNode): Promise<boolean> => {
  const status = await owner.status();
  const [group] = status?.groups ?? [];
  return (
    group?.owner === owner.name &&
    group.state === 'online' &&
    group.protected &&
    status?.volumes[0]?.inSyncSet.length === 2 &&
    status.warnings.length === 0
  );
};

before(async () => {
  writeFileSync(TIE, '');
  truncateSync(TIE, 1024 * 1024);
  await n1.found();
  await n2.join(n1);
  const path = join(root, 'document.yaml');
  writeFileSync(path, DOCUMENT);
  await n1.apply(path);
});

after(async () => {
  for (const node of everybody) node.signal('SIGKILL');
  await until(
    'nothing is left',
    () => everybody.every((node) => node.processes().size === 0) && programs().length === 0,
  );
  await rm(root, { recursive: true });
});

test('either of the two goes on alone', { timeout: 240_000 }, async () => {
  await until('the group is well on n1', () => isWell(n1), 60_000);
  n1.signal('SIGKILL');
  await until('n2 has taken over alone', async () => {
    const status = await n2.status();
    return (
      status?.quorate === true && status.groups[0]?.owner === 'n2' && status.groups[0].state === 'online'
    );
  });
  assert.equal(programs().length, 1);
  await n1.ended();
  await n1.start();
  await until('the group is well on n2', () => isWell(n2), 60_000);
  n2.signal('SIGKILL');
  await until('n1 has taken over alone', async () => {
    const status = await n1.status();
    return (
      status?.quorate === true && status.groups[0]?.owner === 'n1' && status.groups[0].state === 'online'
    );
  });
  await n2.ended();
  await n2.start();
  await until('the group is well on n1', () => isWell(n1), 60_000);
});

test('a witness takes its place while everything runs', { timeout: 120_000 }, async () => {
  const program = programs();
  await witness.join(n1);
  await until('nothing weakens the cluster', async () => (await n1.status())?.warnings.length === 0, 60_000);
  const content = readFileSync(TIE);
  n2.signal('SIGKILL');
  await until(
    'n2 is lost',
    async () => (await n1.status())?.nodes.some(({ state }) => state === 'lost') ?? false,
  );
  await until('n1 goes on with the witness', async () => (await n1.status())?.quorate === true);
  assert.deepEqual(programs(), program, 'the program was left alone');
  assert.ok(content.equals(readFileSync(TIE)), 'nobody uses the tie-breaker any more');
});
