/**
 * What `cluster init` was told and cannot put into the ordered log, which does not run yet: the first account (DIR/admin.json) and what the cluster begins
 * with besides the usual (DIR/founding.json). The founding node's service does it as soon as orders can be committed. Doing it twice changes nothing: an
 * account is only made while there is none at all, and a document is only applied while there never was one.
 */
import { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import { type Administrator, readAdministrator, readFoundingDocument } from '../pki/files.ts';
import { decodeToken, hashSecret } from '../pki/token.ts';
import type { ServiceFacade } from '../service/facade.ts';
import { hashPassword } from './auth/password.ts';

const RETRY_MS = 200;

export type SeedWorld = Pick<World, 'timers' | 'random' | 'files' | 'log'>;

/** Returns the way to give up. Without those files there is nothing to do. */
export function seedCluster(world: SeedWorld, facade: ServiceFacade, dir: string): () => void {
  let timer: Timer | undefined;
  let stopped = false;
  const retry = () => {
    if (!stopped) timer = world.timers.after(RETRY_MS, attempt);
  };
  const attempt = () => {
    if (facade.state().cluster === '' || !facade.status().quorate) return retry();
    if (hasAccounts(facade) && hasDocument(facade)) return;
    seed(world, facade, dir).catch((error: unknown) => {
      if (!(error instanceof EterneError)) throw error;
      world.log('warn', 'what cluster init was told is not committed yet', { reason: error.message });
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
  const document = await readFoundingDocument(world.files, dir);
  if (document && !hasDocument(facade)) await facade.configApply(document, 'cluster init');
  const administrator = await readAdministrator(world.files, dir);
  if (administrator && !hasAccounts(facade))
    await facade.accountPut(await accountOf(world, administrator), 'cluster init');
}

function hasAccounts(facade: ServiceFacade): boolean {
  return Object.keys(facade.state().accounts).length > 0;
}

function hasDocument(facade: ServiceFacade): boolean {
  return facade.state().revision > 0;
}

async function accountOf(world: SeedWorld, { user, password, token }: Administrator) {
  return {
    name: user,
    role: 'admin',
    passwordHash: await hashPassword(password, world.random),
    tokenHashes: [hashSecret(decodeToken('api', token).secret)],
  } as const;
}
