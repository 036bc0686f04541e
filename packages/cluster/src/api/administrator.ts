/**
 * The first account. `cluster init` cannot put it into the ordered log, which does not run yet; so it leaves DIR/admin.json, and the founding
 * node's service does it as soon as orders can be committed. Doing it twice changes nothing: it is only done while there is no account at all.
 */
import { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import { type Administrator, readAdministrator } from '../pki/files.ts';
import { decodeToken, hashSecret } from '../pki/token.ts';
import type { ServiceFacade } from '../service/facade.ts';
import { hashPassword } from './auth/password.ts';

const RETRY_MS = 200;

export type SeedWorld = Pick<World, 'timers' | 'random' | 'files' | 'log'>;

/** Returns the way to give up. Without DIR/admin.json there is nothing to do. */
export function seedAdministrator(world: SeedWorld, facade: ServiceFacade, dir: string): () => void {
  let timer: Timer | undefined;
  let stopped = false;
  const retry = () => {
    if (!stopped) timer = world.timers.after(RETRY_MS, attempt);
  };
  const attempt = () => {
    if (facade.state().cluster === '' || !facade.status().quorate) return retry();
    if (Object.keys(facade.state().accounts).length > 0) return;
    seed(world, facade, dir).catch((error: unknown) => {
      if (!(error instanceof EterneError)) throw error;
      world.log('warn', 'the first administrator is not committed yet', { reason: error.message });
      retry();
    });
  };
  attempt();
  return () => {
    stopped = true;
    timer?.cancel();
  };
}

async function seed(world: SeedWorld, facade: ServiceFacade, dir: string): Promise<void> {
  const administrator = await readAdministrator(world.files, dir);
  if (administrator) await facade.accountPut(await accountOf(world, administrator), 'cluster init');
}

async function accountOf(world: SeedWorld, { user, password, token }: Administrator) {
  return {
    name: user,
    role: 'admin',
    passwordHash: await hashPassword(password, world.random),
    tokenHashes: [hashSecret(decodeToken('api', token).secret)],
  } as const;
}
