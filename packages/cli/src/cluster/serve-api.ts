/** Puts the API and the console in front of a node's service. */
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import { seedCluster } from '@eterne/cluster/api/founding.ts';
import { type RunningApi, startApi } from '@eterne/cluster/api/server.ts';
import type { NodeIdentity } from '@eterne/cluster/node/identity.ts';
import { readAuthority } from '@eterne/cluster/pki/files.ts';
import type { ServiceFacade } from '@eterne/cluster/service/facade.ts';
import type { MemberPlace } from '@eterne/cluster/state/model.ts';
import type { Address, World } from '@eterne/runtime';
import { MovingApi } from './moving-api.ts';

const CONSOLE_FOLDER = fileURLToPath(new URL('../../../console/dist/', import.meta.url));

export interface ServedNode {
  readonly world: World;
  readonly dir: string;
  readonly identity: NodeIdentity;
}

/** Where the node is by the agreed state, on every change of that. */
export type FollowPlace = (moved: (place: MemberPlace) => void) => void;

/** Rejects with `io` when the API's address cannot be used. */
export async function serveApi(
  { world, dir, identity }: ServedNode,
  facade: ServiceFacade,
  follow: FollowPlace,
): Promise<void> {
  const authority = await readAuthority(world.files, dir, identity.tls.caPem);
  const consoleFolder = await builtConsole(world);
  const serve = (api: Address): Promise<RunningApi> =>
    startApi({ facade, identity: { ...identity, api }, authority, world, consoleFolder });
  const moving = await MovingApi.start(world, identity.api, serve);
  follow(({ api }) => moving.move(api));
  if (identity.founder) seedCluster(world, facade, dir);
}

/** Undefined when it has not been built (`npm run build`): the API works without. */
function builtConsole(world: World): Promise<string | undefined> {
  return new Promise((resolve) => {
    world.files.list(CONSOLE_FOLDER, (names) => {
      const built = !(names instanceof EterneError) && names.includes('index.html');
      if (!built)
        world.log('warn', 'the console is not built; only the API is served', { folder: CONSOLE_FOLDER });
      resolve(built ? CONSOLE_FOLDER : undefined);
    });
  });
}
