/** `eterne node run`: the launcher in the foreground, until SIGTERM, SIGINT or a daemon that cannot work at all. */
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import { readIdentity, type NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { Launcher } from '@eterne/cluster/node/launcher.ts';
import {
  codeCacheFolder,
  DAEMON_NAMES,
  lockPath,
  runFolder,
  type DaemonName,
} from '@eterne/cluster/node/layout.ts';
import { settle } from '@eterne/cluster/pki/settle.ts';
import type { World } from '@eterne/runtime';
import { acquireProcessLock } from '@eterne/runtime/node/lock.ts';
import { nodeProcessTrees } from '@eterne/runtime/node/process-trees.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';

/** The daemons are small and many: fewer V8 helper threads and a small young generation keep 32 nodes on one machine in memory. */
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--v8-pool-size=1', '--max-semi-space-size=2'];

/** Resolves when the node has ended cleanly; rejects with what made it give up. */
export async function runNode(dir: string): Promise<void> {
  const world = createNodeWorld('launcher');
  const identity = await settle<NodeIdentity>((done) => readIdentity(world.files, dir, done));
  if (identity.role !== 'node')
    throw new EterneError('config', `${dir} holds a witness, not a node`, {
      hint: `eterne witness run --dir ${dir}`,
    });
  await settle((done) => world.files.makeFolder(runFolder(dir), (error) => done(error)));
  if (acquireProcessLock(lockPath(dir)) === undefined)
    throw new EterneError('busy', `the node in ${dir} is running already`);
  await runLauncher(world, dir);
}

function runLauncher(world: World, dir: string): Promise<void> {
  const startId = world.random.uuid();
  const commandOf = (daemon: DaemonName): [string, ...string[]] => {
    const main = fileURLToPath(new URL(`./daemons/${daemon}.ts`, import.meta.url));
    return [process.execPath, ...NODE_FLAGS, main, dir, startId];
  };
  return new Promise((resolve, reject) => {
    const onEnd = (error: EterneError | undefined): void => (error ? reject(error) : resolve());
    const env = { ...environment(), NODE_COMPILE_CACHE: codeCacheFolder(dir) };
    const options = { dir, daemons: DAEMON_NAMES, env, commandOf, onEnd };
    const launcher = new Launcher({ ...world, processTrees: nodeProcessTrees }, options);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => launcher.stop());
    launcher.start((error) => {
      if (error) reject(error);
    });
  });
}

function environment(): Record<string, string> {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
