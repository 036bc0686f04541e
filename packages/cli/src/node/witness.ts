/** `eterne witness run`: heart, log and API of a voter that carries nothing, in one small process. */
import { EterneError } from '@eterne/base';
import { Heart } from '@eterne/cluster/heart/heart.ts';
import { failed, succeeded } from '@eterne/cluster/monitor/agents/agent.ts';
import { readIdentity, type NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { readSetup, writeSetup } from '@eterne/cluster/node/setup-file.ts';
import { settle } from '@eterne/cluster/pki/settle.ts';
import type { HeartPort, MonitorPort } from '@eterne/cluster/ports.ts';
import { followPlace } from '@eterne/cluster/service/own-place.ts';
import { LiveFacade } from '@eterne/cluster/service/service-facade.ts';
import type { Service } from '@eterne/cluster/service/service.ts';
import type { World } from '@eterne/runtime';
import { raisePriority } from '@eterne/runtime/node/priority.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { startService } from './service.ts';
import { holdFolder } from './held-folder.ts';

/** Nothing is ever placed on a witness. */
const NOTHING_TO_MONITOR: MonitorPort = {
  start: (_spec, _epoch, _timeoutMs, done) => done(failed('a witness runs nothing')),
  stop: (_spec, _timeoutMs, done) => done(succeeded()),
  find: (_spec, _timeoutMs, done) => done(false),
  probe: (_spec, done) => done('stopped'),
  kill: (_group, done) => done(undefined),
  fence: (_order, done) => done({ confirmed: false, reason: 'a witness fences nobody' }),
  ping: (_addresses, done) => done(false),
  checkFence: (_device, done) => done('a witness fences nobody'),
  drill: (_order, done) => done(new EterneError('unsupported', 'a witness runs nothing')),
  watch: (_order, done) => done(undefined),
  onTroubles: () => {},
  onReport: () => {},
};

/** Nothing of a group could outlive its right here. */
function withoutWatchdog(heart: Heart): HeartPort {
  return {
    onLiveness: (listener) => heart.onLiveness(listener),
    onLeaseRequest: (listener) => heart.onLeaseRequest(listener),
    grant: (grant) => heart.grant(grant),
    onLease: (listener) => heart.onLease(listener),
    setWatchdog: () => {},
    onWatchdog: () => {},
  };
}

/** Resolves on SIGTERM or SIGINT; rejects when it cannot start, or not go on. */
export async function runWitness(dir: string): Promise<void> {
  raisePriority();
  const world = createNodeWorld('witness');
  const identity = await settle<NodeIdentity>((done) => readIdentity(world.files, dir, done));
  if (identity.role !== 'witness')
    throw new EterneError('config', `${dir} holds a node, not a witness`, {
      hint: `eterne node run --dir ${dir}`,
    });
  await holdFolder(world.files, dir, `the witness in ${dir} is running already`);
  const stopped = Promise.withResolvers<never>();
  await Promise.race([stopped.promise, serve(world, dir, identity, stopped.reject)]);
}

/** Until a signal. */
async function serve(
  world: World,
  dir: string,
  identity: NodeIdentity,
  onStopped: (error: EterneError) => void,
): Promise<void> {
  const heart = await startHeart(world, dir, identity);
  const service = await settle<Service>((done) =>
    startService(
      {
        world,
        dir,
        startId: world.random.uuid(),
        identity,
        heart: withoutWatchdog(heart),
        monitor: NOTHING_TO_MONITOR,
        onSetup: (setup) => {
          heart.configure(setup);
          writeSetup(world, dir, setup);
        },
        onStopped,
      },
      done,
    ),
  );
  service.setPids({ service: process.pid, monitor: null, heart: process.pid, disk: null });
  const { serveApi } = await import('../cluster/serve-api.ts');
  await serveApi({ world, dir, identity }, new LiveFacade(service, world), (moved) =>
    followPlace(service, moved),
  );
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
}

async function startHeart(world: World, dir: string, identity: NodeIdentity): Promise<Heart> {
  const { node, clusterKey, addresses, voterId } = identity;
  const heart = new Heart(world, {
    node,
    life: voterId,
    clusterKey,
    addresses,
    asksForLeases: false,
  });
  await new Promise<void>((resolve) =>
    readSetup(world.files, dir, identity.seeds, (setup) => {
      heart.configure(setup);
      resolve();
    }),
  );
  await settle((done) => heart.open((error) => done(error)));
  return heart;
}
