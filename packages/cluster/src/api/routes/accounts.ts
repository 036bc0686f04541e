/** Who may use the API. Hashes never leave; a token is shown once. */
import { assert, EterneError } from '@eterne/base';
import { certificateFingerprint } from '../../pki/fingerprint.ts';
import { createToken, encodeToken, hashSecret } from '../../pki/token.ts';
import type { Account } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import { hashPassword } from '../auth/password.ts';
import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { accountList, accountPut, apiToken } from '../schema/access.ts';
import { accepted, nameParams } from '../schema/names.ts';

const TOKENS_MAX = 16;

export function accountRoutes(api: Api, context: ApiContext): void {
  const { facade, identity, world } = context;
  const find = (name: string): Account | undefined => {
    const { accounts } = facade.state();
    return Object.hasOwn(accounts, name) ? accounts[name] : undefined;
  };
  const existing = (name: string): Account => {
    const account = find(name);
    if (!account) throw new EterneError('not-found', `there is no account ${name}`);
    return account;
  };
  const admin = { config: { access: 'admin' as const } };

  api.get(
    '/api/v1/accounts',
    { schema: { summary: 'All accounts', response: { 200: accountList } }, ...admin },
    () => ({
      accounts: sortedValues(facade.state().accounts).map(({ name, role, passwordHash, tokenHashes }) => ({
        name,
        role,
        hasPassword: passwordHash !== null,
        tokenCount: tokenHashes.length,
      })),
    }),
  );

  api.put(
    '/api/v1/accounts/:name',
    {
      schema: {
        summary: 'Create an account, or change its role or password; a new password ends its sessions',
        params: nameParams,
        body: accountPut,
        response: { 202: accepted },
      },
      ...admin,
    },
    async (request, reply) => {
      const { name } = request.params;
      const { role, password } = request.body;
      const before = find(name);
      if (before?.role === 'admin' && role !== 'admin') requireAnotherAdmin(context, name);
      const passwordHash =
        password === undefined ? (before?.passwordHash ?? null) : await hashPassword(password, world.random);
      const tokenHashes = before?.tokenHashes ?? [];
      await facade.accountPut({ name, role, passwordHash, tokenHashes }, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.delete(
    '/api/v1/accounts/:name',
    {
      schema: {
        summary: 'Remove an account, its sessions and tokens',
        params: nameParams,
        response: { 202: accepted },
      },
      ...admin,
    },
    async (request, reply) => {
      const account = existing(request.params.name);
      if (account.role === 'admin') requireAnotherAdmin(context, account.name);
      await facade.accountRemove(account.name, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.post(
    '/api/v1/accounts/:name/tokens',
    {
      schema: {
        summary: 'Make an API token for an account',
        params: nameParams,
        response: { 200: apiToken },
      },
      ...admin,
    },
    async (request) => {
      const account = existing(request.params.name);
      if (account.tokenHashes.length >= TOKENS_MAX)
        throw new EterneError('refused', `${account.name} has ${TOKENS_MAX} tokens already`, {
          hint: 'revoke them first',
        });
      const token = createToken('api', certificateFingerprint(identity.tls.caPem), world.random);
      const tokenHashes = [...account.tokenHashes, hashSecret(token.secret)];
      assert(tokenHashes.length <= TOKENS_MAX, 'the number of tokens is bounded');
      await facade.accountPut({ ...account, tokenHashes }, requesterOf(request));
      return { token: encodeToken(token) };
    },
  );

  api.delete(
    '/api/v1/accounts/:name/tokens',
    {
      schema: {
        summary: 'Revoke all API tokens of an account',
        params: nameParams,
        response: { 202: accepted },
      },
      ...admin,
    },
    async (request, reply) => {
      await facade.accountPut({ ...existing(request.params.name), tokenHashes: [] }, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );
}

function requireAnotherAdmin({ facade }: ApiContext, name: string): void {
  const others = sortedValues(facade.state().accounts).filter(
    (account) => account.role === 'admin' && account.name !== name,
  );
  if (others.length === 0)
    throw new EterneError('refused', `${name} is the only administrator`, { hint: 'make another one first' });
}
