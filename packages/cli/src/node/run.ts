/** `eterne node run`: the launcher in the foreground, until SIGTERM, SIGINT or a daemon that cannot work at all. */
import { EterneError } from '@eterne/base';
import { readIdentity, type NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { Launcher } from '@eterne/cluster/node/launcher.ts';
import { codeCacheFolder, DAEMON_NAMES, type DaemonName } from '@eterne/cluster/node/layout.ts';
import { settle } from '@eterne/cluster/pki/settle.ts';
import type { World } from '@eterne/runtime';
import { nodeProcessTrees } from '@eterne/runtime/node/process-trees.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { commandOf } from './become.ts';
import { holdFolder } from './held-folder.ts';

/** Resolves when the node has ended cleanly; rejects with what made it give up. */
export async function runNode(dir: string): Promise<void> {
  const world = createNodeWorld('launcher');
  const identity = await settle<NodeIdentity>((done) => readIdentity(world.files, dir, done));
  if (identity.role !== 'node')
    throw new EterneError('config', `${dir} holds a witness, not a node`, {
      hint: `eterne witness run --dir ${dir}`,
    });
  await holdFolder(world.files, dir, `the node in ${dir} is running already`);
  await runLauncher(world, dir);
}

function runLauncher(world: World, dir: string): Promise<void> {
  const startId = world.random.uuid();
  return new Promise((resolve, reject) => {
    const onEnd = (error: EterneError | undefined): void => (error ? reject(error) : resolve());
    const env = { ...environment(), ...codeCache(dir) };
    const command = (daemon: DaemonName) => commandOf(daemon, [dir, startId]);
    const options = { dir, daemons: DAEMON_NAMES, env, commandOf: command, onEnd };
    const launcher = new Launcher({ ...world, processTrees: nodeProcessTrees }, options);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => launcher.stop());
    launcher.start((error) => {
      if (error) reject(error);
    });
  });
}

/** The `eterne` script has one for all nodes of this installation, where it may write to it. */
function codeCache(dir: string): Record<string, string> {
  return process.env['NODE_COMPILE_CACHE'] === undefined ? { NODE_COMPILE_CACHE: codeCacheFolder(dir) } : {};
}

function environment(): Record<string, string> {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
