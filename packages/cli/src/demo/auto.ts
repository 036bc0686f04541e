/** The main job without a person: pull the plug of the owning node under load, and count what was lost. */
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { callHttp } from '@eterne/runtime/node/http.ts';
import { audit } from './audit.ts';
import { GROUP, groupOf, isInSync, termOf, type DemoCluster, type Say } from './cluster.ts';
import { Load } from './load.ts';
import type { Machine } from './machine.ts';

const WARM_UP_MS = 2000;
const AFTER_TAKE_OVER_MS = 1000;

export interface Verdict {
  readonly acknowledged: number;
  readonly lost: number;
  readonly outageMs: number;
  readonly replicasIdentical: boolean;
}

const sleep = (world: World, ms: number): Promise<void> =>
  new Promise((resolve) => world.timers.after(ms, resolve));

async function applicationPid(address: string): Promise<number> {
  const status = await callHttp(address, { method: 'GET', path: '/status', timeoutMs: 1000 });
  return (status as { pid: number }).pid;
}

/** The plug is pulled: the node's processes and its application (which has a session of its own) die in the same moment. */
async function killMachine(world: World, machine: Machine, applicationPid: number): Promise<void> {
  world.processes.killGroup(applicationPid, 'SIGKILL');
  await machine.kill();
}

export async function runAutomatically(world: World, cluster: DemoCluster, say: Say): Promise<Verdict> {
  const load = new Load(world, cluster.ledgerAddress);
  try {
    return await drive(world, cluster, load, say);
  } finally {
    await load.stop();
  }
}

async function drive(world: World, cluster: DemoCluster, load: Load, say: Say): Promise<Verdict> {
  await sleep(world, WARM_UP_MS);
  const before = await cluster.status();
  const owner = before && groupOf(before)?.owner;
  if (typeof owner !== 'string') throw new EterneError('refused', `nobody owns group ${GROUP}`);
  say(`load                  ${load.acknowledged.length} records acknowledged; ${owner} owns the group`);
  const pid = await applicationPid(cluster.ledgerAddress);
  load.markOutage();
  say(`kill -9               every process of ${owner}`);
  await killMachine(world, cluster.machine(owner), pid);
  const after = await cluster.waitFor('another node takes over', (status) => {
    const group = groupOf(status);
    return group?.state === 'online' && group.owner !== owner;
  });
  await sleep(world, AFTER_TAKE_OVER_MS);
  const { outageMs } = load;
  say(
    `take-over             ${groupOf(after)?.owner} owns the group; the client was without it for ${outageMs} ms`,
  );
  say(`eterne node run       ${owner} comes back and resynchronises`);
  cluster.machine(owner).start();
  await cluster.waitFor(
    'both replicas are up to date again',
    (status) => termOf(status) >= termOf(after) && isInSync(status),
  );
  await load.stop();
  say(`load                  ${load.acknowledged.length} records acknowledged in all`);
  await cluster.group('stop');
  await cluster.waitFor('the group has stopped', (status) => groupOf(status)?.state === 'stopped');
  await Promise.all(cluster.machines.map((machine) => machine.stop()));
  const found = audit(
    cluster.nodes.map(({ spec }) => cluster.imagePath(spec.name)),
    load.acknowledged,
  );
  say(
    `audit                 ${found.lost} lost; replicas ${found.replicasIdentical ? 'identical' : 'DIFFER'}`,
  );
  return {
    acknowledged: load.acknowledged.length,
    lost: found.lost,
    outageMs,
    replicasIdentical: found.replicasIdentical,
  };
}
