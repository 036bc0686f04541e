/** The service daemon: the replicated state and its decisions, the API and the console. */
import { EterneError } from '@eterne/base';
import { HeartClient } from '@eterne/cluster/heart/client.ts';
import type { HeartSetup } from '@eterne/cluster/heart/setup.ts';
import { MonitorClient } from '@eterne/cluster/monitor/client.ts';
import { socketAddress, socketPath } from '@eterne/cluster/node/layout.ts';
import { comesBack } from '@eterne/cluster/node/comes-back.ts';
import { listenLinks } from '@eterne/cluster/node/link.ts';
import { PICTURE_CALL } from '@eterne/cluster/node/picture.ts';
import { Watcher } from '@eterne/cluster/node/watcher.ts';
import { followPlace } from '@eterne/cluster/service/own-place.ts';
import { clusterPicture } from '@eterne/cluster/service/picture.ts';
import { LiveFacade } from '@eterne/cluster/service/service-facade.ts';
import type { Service } from '@eterne/cluster/service/service.ts';
import { connectDiskPort } from '@eterne/disk/process/port-client.ts';
import type { Reply } from '@eterne/runtime';
import { apartSharedDisks } from '@eterne/runtime/node/apart-disk.ts';
import { startDaemon, type Daemon } from '../daemon.ts';
import type { serveApi as ServeApi } from '../../cluster/serve-api.ts';
import { startService } from '../service.ts';

/** Within this the node's groups are elsewhere, or stopped, when it is asked to end. */
const LEAVE_TIMEOUT_MS = 20_000;
/** … and while resources are at their stops, which have times of their own, it has so long. Less than systemd waits for the unit. */
const STOPS_MAX_MS = 25 * 60_000;
const STILL_LEAVING_MS = 5000;

const begin = (daemon: Daemon): void => {
  const { dir, startId, world, identity, giveUp } = daemon;
  const heart = new HeartClient(world, socketAddress(dir, 'heart'));
  const parts = {
    world,
    dir,
    startId,
    identity,
    heart,
    monitor: new MonitorClient(world, socketAddress(dir, 'monitor')),
    connectDisk: (done: Parameters<typeof connectDiskPort>[2]) =>
      connectDiskPort(world, socketPath(dir, 'disk'), done),
    onSetup: (setup: HeartSetup) => heart.configure(setup),
    // The launcher starts it again.
    onRejoin: () => process.exit(0),
    onStopped: giveUp,
  };
  startService(parts, (service) => {
    if (service instanceof EterneError) return giveUp(service);
    serve(daemon, service);
  });
};

await startDaemon('service', begin, loadApi);

function serve(daemon: Daemon, service: Service): void {
  const { dir, world, launcher, giveUp } = daemon;
  serveApiLate(daemon, service).catch((error: unknown) => {
    if (!(error instanceof EterneError)) throw error;
    giveUp(error);
  });
  launcher.onPids((pids) => service.setPids(pids));
  const answering = () => ({
    onCall: (name: string, _body: unknown, reply: Reply) =>
      reply({ ok: name === PICTURE_CALL ? clusterPicture(service.core) : null }),
    onNote: () => {},
    onClose: () => {},
  });
  listenLinks(world, socketAddress(dir, 'service'), answering, (listener) => {
    if (listener instanceof EterneError) giveUp(listener);
  });
  for (const other of ['monitor', 'heart'] as const) new Watcher(world, launcher, dir, other);
  process.on('SIGTERM', () => leave(daemon, service));
}

/** The cluster holds a node that leaves for one that ends: the launcher ends it, whoever asked this daemon to. Whether it comes back is asked only where something follows from it. */
function leave({ world, launcher }: Daemon, service: Service): void {
  const begin = (isComingBack: boolean): void => {
    launcher.leaving();
    world.timers.every(STILL_LEAVING_MS, () => launcher.leaving());
    service.leave(LEAVE_TIMEOUT_MS, () => process.exit(0), isComingBack, STOPS_MAX_MS);
  };
  if (service.state.config.onShutdown === 'conditional') comesBack(world, begin);
  else begin(false);
}

function loadApi(): Promise<{ readonly serveApi: typeof ServeApi }> {
  return import('../../cluster/serve-api.ts');
}

/** The API's libraries take longer to load than all the rest: what keeps groups alive comes first. */
async function serveApiLate(daemon: Daemon, service: Service): Promise<void> {
  const { serveApi } = await loadApi();
  const { world } = daemon;
  const diskMaker = { ...world, disks: apartSharedDisks };
  await serveApi(daemon, new LiveFacade(service, world, diskMaker), (moved) => followPlace(service, moved));
}
