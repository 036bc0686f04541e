import type { World } from '@eterne/runtime';
import type { FastifyRequest } from 'fastify';
import { assert } from '@eterne/base';
import type { NodeIdentity } from '../node/identity.ts';
import type { Authority } from '../pki/authority.ts';
import type { Requester, ServiceFacade } from '../service/facade.ts';
import { ROOT_NAME, type Caller } from './auth/callers.ts';
import type { Neighbours } from './neighbours.ts';

/** What the API is built on. */
export interface ApiContext {
  readonly facade: ServiceFacade;
  readonly identity: NodeIdentity;
  /** Undefined on a witness, which admits nobody. */
  readonly authority: Authority | undefined;
  readonly world: Pick<World, 'clock' | 'timers' | 'random' | 'processes' | 'log'>;
  readonly neighbours: Neighbours;
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

/** A node that hands a request on says so, and for whom. */
export const FORWARDED_HEADER = 'x-eterne-for';

/** Whoever has the root token may speak for anybody, as he may do everything. */
export function isForwarded(request: FastifyRequest): boolean {
  return callerOf(request).name === ROOT_NAME && request.headers[FORWARDED_HEADER] !== undefined;
}

/** For the audit trail. */
export function requesterOf(request: FastifyRequest): Requester {
  const behind = request.headers[FORWARDED_HEADER];
  if (isForwarded(request) && typeof behind === 'string' && REQUESTER.test(behind)) return behind;
  return `${callerOf(request).name}@${request.ip}`;
}

const REQUESTER = /^[a-zA-Z0-9._-]{1,64}@[0-9a-fA-F.:]{1,64}$/;
