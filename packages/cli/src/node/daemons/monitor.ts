/** The monitor daemon: acts and watches, and keeps an eye on the other daemons. */
import { EterneError } from '@eterne/base';
import { HeartClient } from '@eterne/cluster/heart/client.ts';
import { Monitor } from '@eterne/cluster/monitor/monitor.ts';
import { serveMonitor } from '@eterne/cluster/monitor/server.ts';
import { socketAddress } from '@eterne/cluster/node/layout.ts';
import { Watcher } from '@eterne/cluster/node/watcher.ts';
import { nodeDirectoryUsers } from '@eterne/runtime/node/directory-users.ts';
import { nodeFileSystems } from '@eterne/runtime/node/file-systems.ts';
import { nodeFrames } from '@eterne/runtime/node/frames.ts';
import { nodeInterfaces } from '@eterne/runtime/node/interfaces.ts';
import { nodeProcessTrees } from '@eterne/runtime/node/process-trees.ts';
import { ISCSI_BRIDGE } from '../../disk/iscsi-bridge.ts';
import { startDaemon } from '../daemon.ts';

await startDaemon('monitor', ({ dir, world, identity, launcher, giveUp }) => {
  const heart = new HeartClient(world, socketAddress(dir, 'heart'));
  const hands = {
    world: { ...world, processTrees: nodeProcessTrees },
    spawner: launcher,
    frames: nodeFrames,
    directories: nodeDirectoryUsers,
    interfaces: nodeInterfaces,
    fileSystems: nodeFileSystems,
    iscsiBridge: ISCSI_BRIDGE,
    node: identity.node,
    dir,
  };
  const monitor = new Monitor(hands, heart);
  monitor.open((error) => {
    if (error) return giveUp(error);
    serveMonitor(world, socketAddress(dir, 'monitor'), monitor, (listener) => {
      if (listener instanceof EterneError) giveUp(listener);
    });
  });
  for (const other of ['service', 'heart'] as const) new Watcher(world, launcher, dir, other);
  const leave = (): never => process.exit(0);
  // What runs outlives a monitor that alone is asked to end.
  process.on('SIGTERM', () => launcher.isEnding((isEnding) => (isEnding ? monitor.end(leave) : leave())));
});
