/** Logging in and out with a password. */
import { EterneError } from '@eterne/base';
import { SESSION_LIFETIME_MS, type Sessions } from '../auth/session.ts';
import { verifyPassword } from '../auth/password.ts';
import { Throttle } from '../auth/throttle.ts';
import { type ApiContext, callerOf } from '../context.ts';
import { SESSION_COOKIE } from '../guard.ts';
import type { Api } from '../instance.ts';
import { logIn, session } from '../schema/access.ts';
import { accepted } from '../schema/names.ts';

/** Guessers sit at addresses; an account is locked only briefly, because its owner did nothing wrong. */
const ADDRESS_DELAY_MAX_MS = 5 * 60_000;
const ACCOUNT_DELAY_MAX_MS = 10_000;
const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'strict' } as const;

export function sessionRoutes(api: Api, context: ApiContext, sessions: Sessions): void {
  const { facade, world } = context;
  const byAddress = new Throttle(ADDRESS_DELAY_MAX_MS);
  const byAccount = new Throttle(ACCOUNT_DELAY_MAX_MS);

  const check = async (user: string, password: string, address: string) => {
    const now = world.clock.bootMs();
    const waitMs = Math.max(byAddress.waitMs(address, now), byAccount.waitMs(user, now));
    if (waitMs > 0)
      throw new EterneError('busy', 'too many failed log-ins', {
        hint: `try again in ${Math.ceil(waitMs / 1000)} s`,
      });
    // Counted before the answer is known, so that many guesses sent at once are no way around it.
    byAddress.failed(address, now);
    byAccount.failed(user, now);
    const { accounts } = facade.state();
    const account = Object.hasOwn(accounts, user) ? accounts[user] : undefined;
    if (!(await verifyPassword(password, account?.passwordHash ?? null)) || !account) {
      world.log('warn', 'log-in refused', { user, address });
      throw new EterneError('unauthorized', 'the user or the password is wrong');
    }
    byAddress.succeeded(address);
    byAccount.succeeded(user);
    return account;
  };

  api.post(
    '/api/v1/session',
    {
      schema: { summary: 'Log in; sets the session cookie', body: logIn, response: { 200: session } },
      config: { access: 'public' },
    },
    async (request, reply) => {
      const account = await check(request.body.user, request.body.password, request.ip);
      world.log('info', 'logged in', { user: account.name, address: request.ip });
      reply.setCookie(SESSION_COOKIE, sessions.issue(account, world.clock.wallMs()), {
        ...COOKIE,
        maxAge: SESSION_LIFETIME_MS / 1000,
      });
      return { user: account.name, role: account.role, cluster: facade.state().cluster, node: facade.node };
    },
  );

  api.get(
    '/api/v1/session',
    {
      schema: { summary: 'Who am I', response: { 200: session } },
      config: { access: 'viewer' },
    },
    (request) => {
      const { name, role } = callerOf(request);
      return { user: name, role, cluster: facade.state().cluster, node: facade.node };
    },
  );

  api.delete(
    '/api/v1/session',
    {
      schema: { summary: 'Log out', response: { 202: accepted } },
      config: { access: 'viewer' },
    },
    (_request, reply) => {
      reply.clearCookie(SESSION_COOKIE, COOKIE).code(202);
      return { accepted: true } as const;
    },
  );
}
