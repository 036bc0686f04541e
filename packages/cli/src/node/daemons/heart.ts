/** The heart daemon: beats, leases, and the end of what outlives its lease. */
import { EterneError } from '@eterne/base';
import { DiskLeases } from '@eterne/cluster/heart/disk-leases.ts';
import { Heart } from '@eterne/cluster/heart/heart.ts';
import { Reaper } from '@eterne/cluster/heart/reaper.ts';
import { serveHeart } from '@eterne/cluster/heart/server.ts';
import type { HeartSetup } from '@eterne/cluster/heart/setup.ts';
import { Vigil } from '@eterne/cluster/heart/vigil.ts';
import { HeartWatchdog } from '@eterne/cluster/heart/watchdog.ts';
import { readSetup, writeSetup } from '@eterne/cluster/node/setup-file.ts';
import { socketAddress, socketPath } from '@eterne/cluster/node/layout.ts';
import { connectDiskPort } from '@eterne/disk/process/port-client.ts';
import { apartSharedDisks } from '@eterne/runtime/node/apart-disk.ts';
import { nodeProcessTrees } from '@eterne/runtime/node/process-trees.ts';
import { nodeWatchdogs } from '@eterne/runtime/node/watchdog.ts';
import { startDaemon, type Daemon } from '../daemon.ts';

await startDaemon('heart', (daemon) => {
  const { dir, world, identity } = daemon;
  readSetup(world.files, dir, identity.seeds, (setup) => {
    const heart = new Heart(world, {
      node: identity.node,
      life: identity.voterId,
      clusterKey: identity.clusterKey,
      addresses: identity.addresses,
      asksForLeases: true,
      disks: apartSharedDisks,
    });
    heart.configure(setup);
    serve(daemon, heart);
  });

  function serve({ giveUp }: Daemon, heart: Heart): void {
    const reaper = new Reaper({ ...world, processTrees: nodeProcessTrees }, () => {});
    const diskLeases = new DiskLeases(world.timers, (done) =>
      connectDiskPort(world, socketPath(dir, 'disk'), done),
    );
    heart.onLease((leases) => diskLeases.leased(leases));
    const vigil = new Vigil();
    const watchdog = new HeartWatchdog({ world, watchdogs: nodeWatchdogs(world.network), vigil, reaper });
    process.on('SIGTERM', () => {
      watchdog.end();
      process.exit(0);
    });
    const parts = {
      heart,
      reaper,
      watchdog,
      onSetup: (setup: HeartSetup) => {
        heart.configure(setup);
        writeSetup(world, dir, setup);
      },
    };
    serveHeart(world, socketAddress(dir, 'heart'), parts, (listener) => {
      if (listener instanceof EterneError) return giveUp(listener);
      heart.open((error) => error && giveUp(error));
    });
  }
});
