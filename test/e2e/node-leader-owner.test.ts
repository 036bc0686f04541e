/**
 * `kill -9` of a service that leads the cluster and whose node owns a group, on a busy machine: nobody renews the lease until another leads, and
 * still the group's program goes on where it is, every time. `ETERNE_KILLS`: how often.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { after, before, test } from 'node:test';
import { unlessStalled } from '../../packages/runtime/test/support/stalls.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';

const ROUNDS = Number(process.env['ETERNE_KILLS'] ?? 3);

const lab = await ClusterLab.make('leader');
/** Without a witness and with a group on each: whoever leads owns one. */
const nodes = [1, 2, 3].map((number) => lab.member(`n${number}`, 90 + number));
let load: ChildProcess | undefined;

const DOCUMENT = `groups:
${nodes
  .map(
    ({ name }) => `  - name: of-${name}
    nodes: [${[name, ...nodes.map((other) => other.name).filter((other) => other !== name)].join(', ')}]
    resources: [${lab.program(name)}]
`,
  )
  .join('')}`;

/** The program of the group that prefers `node`, wherever it runs. */
const programOf = (node: ClusterNode): number | undefined => lab.programs(node.name)[0];

/** Who leads once all daemons are known and every group is online at home with a lease; undefined: not yet. */
async function settledLeader(): Promise<ClusterNode | undefined> {
  const [view] = nodes;
  const status = await view?.status();
  if (!status?.quorate || status.groups.length < nodes.length) return undefined;
  const atHome = status.groups.every(
    ({ name, owner, state }) => state === 'online' && name === `of-${owner}`,
  );
  const known = status.nodes.every(
    ({ name, state, pids }) =>
      state === 'online' && pids.service === nodes.find((node) => node.name === name)?.pidOf('service'),
  );
  return atHome && known ? nodes.find(({ name }) => name === status.leader) : undefined;
}

async function settled(): Promise<ClusterNode> {
  let leader: ClusterNode | undefined;
  await until('the cluster has settled', async () => (leader = await settledLeader()) !== undefined);
  return leader ?? assert.fail('no leader');
}

before(async () => {
  await lab.begin(DOCUMENT);
  load = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
});

after(async () => {
  load?.kill('SIGKILL');
  await lab.end();
});

async function killLeader(): Promise<void> {
  const leader = await settled();
  const program = programOf(leader) ?? assert.fail(`no program on ${leader.name}`);
  process.kill(leader.pidOf('service') ?? assert.fail('no service'), 'SIGKILL');
  await until('another leads', async () => {
    const other = nodes.find((node) => node !== leader);
    const status = await other?.status();
    return status?.quorate === true && status.leader !== null && status.leader !== leader.name;
  });
  await settled();
  assert.equal(programOf(leader), program, `the program on ${leader.name} was left alone`);
}

for (let round = 1; round <= ROUNDS; round += 1)
  test(
    `kill ${round} of ${ROUNDS}: the group of the leading node goes on`,
    { timeout: 600_000 },
    // Leases are short, and lapse where nothing runs for so long.
    () => unlessStalled(killLeader),
  );
