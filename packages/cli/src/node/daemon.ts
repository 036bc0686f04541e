/** What all daemons of a node have in common: their world, who they are, and that they live no longer than their launcher. */
import { EterneError } from '@eterne/base';
import { readIdentity, type NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { LauncherClient } from '@eterne/cluster/node/launcher-client.ts';
import { socketAddress, type DaemonName } from '@eterne/cluster/node/layout.ts';
import type { World } from '@eterne/runtime';
import { dieWithParent } from '@eterne/runtime/node/native.ts';
import { keepPoolsSmall } from '@eterne/runtime/node/small-pools.ts';
import { raisePriority } from '@eterne/runtime/node/priority.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { fromCompiled } from './from-compiled.ts';
import { keepCompiled } from './keep-compiled.ts';

export interface Daemon {
  readonly name: DaemonName;
  readonly dir: string;
  /** New with every start of the node, the same for all its daemons. */
  readonly startId: string;
  readonly world: World;
  readonly identity: NodeIdentity;
  readonly launcher: LauncherClient;
  /** It cannot do its work at all: the node ends with this sentence. */
  readonly giveUp: (error: EterneError) => void;
}

/** Those that start no programs, which would inherit it. */
const URGENT: readonly DaemonName[] = ['heart', 'service'];

/** Started by the launcher as `node <daemon>.ts DIR`. `loadLater`: see `fromCompiled`. */
export async function startDaemon(
  name: DaemonName,
  run: (daemon: Daemon) => void,
  loadLater?: () => Promise<unknown>,
): Promise<void> {
  await fromCompiled(loadLater);
  begin(name, run);
}

function begin(name: DaemonName, run: (daemon: Daemon) => void): void {
  dieWithParent();
  keepPoolsSmall();
  if (URGENT.includes(name)) raisePriority();
  const [dir = '', startId = ''] = process.argv.slice(2);
  const world = createNodeWorld(name);
  process.title = `eterne-${name}`;
  const launcher = new LauncherClient(world, socketAddress(dir, 'launcher'), () => process.exit(1));
  keepCompiled(world.timers);
  const giveUp = (error: EterneError): void => {
    world.log('error', error.message);
    launcher.fatal(name, error, () => process.exit(1));
  };
  readIdentity(world.files, dir, (identity) => {
    if (identity instanceof EterneError) return giveUp(identity);
    run({ name, dir, startId, world, identity, launcher, giveUp });
  });
}
