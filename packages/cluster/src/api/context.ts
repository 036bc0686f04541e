import type { World } from '@eterne/runtime';
import type { FastifyRequest } from 'fastify';
import { assert } from '@eterne/base';
import type { NodeIdentity } from '../node/identity.ts';
import type { Authority } from '../pki/authority.ts';
import type { Requester, ServiceFacade } from '../service/facade.ts';
import type { Caller } from './auth/callers.ts';

/** What the API is built on. */
export interface ApiContext {
  readonly facade: ServiceFacade;
  readonly identity: NodeIdentity;
  /** Undefined on a witness, which admits nobody. */
  readonly authority: Authority | undefined;
  readonly world: Pick<World, 'clock' | 'timers' | 'random' | 'log'>;
  /** The built console; undefined: the API alone. */
  readonly consoleFolder: string | undefined;
}

/** The least role a route wants; `public` ones check their own credentials. */
export type Access = 'public' | 'viewer' | 'operator' | 'admin';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Set before every handler of a route that is not public. */
    caller: Caller | null;
  }
}

export function callerOf(request: FastifyRequest): Caller {
  assert(request.caller !== null, 'only a public route has no caller');
  return request.caller;
}

/** For the audit trail. */
export function requesterOf(request: FastifyRequest): Requester {
  return `${callerOf(request).name}@${request.ip}`;
}
