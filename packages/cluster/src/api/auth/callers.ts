/** Who is asking: a bearer token, or the cookie of a log-in. */
import { EterneError } from '@eterne/base';
import { decodeToken, hashSecret, secretMatches } from '../../pki/token.ts';
import type { Account, AccountRole, ClusterState } from '../../state/model.ts';
import { sortedValues } from '../../state/model.ts';
import { ROOT_TOKEN_ID } from './root-token.ts';
import type { Sessions } from './session.ts';

export interface Caller {
  readonly name: string;
  readonly role: AccountRole;
  /** A cookie travels by itself, so what it asks for must also prove that a page of ours asked (see `server.ts`). */
  readonly via: 'token' | 'cookie';
}

export interface Credentials {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

const RANK: Readonly<Record<AccountRole, number>> = { viewer: 0, operator: 1, admin: 2 };

export function mayAct(caller: Caller, needed: AccountRole): boolean {
  return RANK[caller.role] >= RANK[needed];
}

/** Of whoever can read a node's folder. */
export const ROOT_NAME = 'root';

export class Callers {
  readonly #sessions: Sessions;
  readonly #rootSecretHash: string;

  constructor(sessions: Sessions, rootSecretHash: string) {
    this.#sessions = sessions;
    this.#rootSecretHash = rootSecretHash;
  }

  /** Throws `unauthorized` when the credentials are missing or wrong. */
  identify(credentials: Credentials, state: ClusterState, nowMs: number): Caller {
    const { authorization, cookie } = credentials;
    if (authorization !== undefined) return this.#byToken(authorization, state);
    const account = cookie === undefined ? undefined : this.#sessions.verify(cookie, state.accounts, nowMs);
    if (!account) throw new EterneError('unauthorized', 'log in first', { hint: 'or send an API token' });
    return { name: account.name, role: account.role, via: 'cookie' };
  }

  #byToken(authorization: string, state: ClusterState): Caller {
    const token = decodeToken('api', authorization.replace(/^bearer\s+/i, ''));
    if (token.id === ROOT_TOKEN_ID && secretMatches(token.secret, this.#rootSecretHash))
      return { name: ROOT_NAME, role: 'admin', via: 'token' };
    const account = holderOf(hashSecret(token.secret), state);
    if (!account)
      throw new EterneError('unauthorized', 'this cluster does not know the API token', {
        hint: 'it may have been revoked, or belong to another cluster',
      });
    return { name: account.name, role: account.role, via: 'token' };
  }
}

function holderOf(tokenHash: string, state: ClusterState): Account | undefined {
  return sortedValues(state.accounts).find((account) => account.tokenHashes.includes(tokenHash));
}
