/** `eterne disk run`: reads the configuration, starts the disk process, and stays until SIGTERM. */
import { EterneError } from '@eterne/base';
import { runDiskProcess } from '@eterne/disk/process/run.ts';
import { loadTls, type TlsFiles } from '@eterne/disk/process/tls-files.ts';
import type { TlsIdentity, World } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { loadConfig } from './load-config.ts';
import { WORKER_MODULE } from './worker-module.ts';

export async function runDisk(configPath: string): Promise<void> {
  const world = createNodeWorld('disk');
  const config = await loadConfig(world, configPath);
  const tls = config.replicationTls && (await readTls(world, config.replicationTls));
  try {
    const options = { ...config, tls, arbiter: 'local', workerModule: WORKER_MODULE } as const;
    await runDiskProcess(world, options, ({ replicationAddresses: [address] }) => {
      const replication = address === undefined ? '' : `, replication on ${address}`;
      process.stdout.write(
        `node ${config.node} is ready: control socket ${config.controlPath}${replication}\n`,
      );
    });
  } catch (error) {
    throw atStart(error);
  }
  // Nothing keeps running on purpose after a clean end, but idle sockets of clients may linger.
  process.exit(0);
}

function readTls(world: World, files: TlsFiles): Promise<TlsIdentity> {
  return new Promise((resolve, reject) => {
    loadTls(world, files, (result) => (result instanceof EterneError ? reject(result) : resolve(result)));
  });
}

/** What keeps a disk process from starting is, to whoever started it, a wrong configuration: exit code 2. */
function atStart(error: unknown): unknown {
  if (!(error instanceof EterneError)) return error;
  return new EterneError('config', error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
