/** The disk daemon: volumes come from the service, rights from the heart. */
import { EterneError } from '@eterne/base';
import { servicePorts } from '@eterne/cluster/node/identity.ts';
import { socketPath } from '@eterne/cluster/node/layout.ts';
import { startDisk } from '@eterne/disk/process/run.ts';
import { WORKER_MODULE } from '../../disk/worker-module.ts';
import { NODE_FLAGS } from '../become.ts';
import { startDaemon } from '../daemon.ts';

await startDaemon('disk', ({ dir, world, identity, giveUp }) => {
  const options = {
    node: identity.node,
    controlPath: socketPath(dir, 'disk'),
    replicationListen: identity.addresses.map((address) => servicePorts(address).replication),
    tls: identity.tls,
    volumes: [],
    arbiter: 'cluster',
    workerModule: WORKER_MODULE,
    workerFlags: NODE_FLAGS,
  } as const;
  startDisk(world, options, (running) => {
    if (running instanceof EterneError) return giveUp(running);
    process.on('SIGTERM', () => running.stop(() => process.exit(0)));
  });
});
