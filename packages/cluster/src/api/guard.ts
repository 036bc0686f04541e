/** Who may call what: the one place where a request is let through to a route or not. */
import { assert, EterneError } from '@eterne/base';
import type { FastifyRequest } from 'fastify';
import { rootToken } from './auth/root-token.ts';
import { type Caller, Callers, mayAct } from './auth/callers.ts';
import type { Sessions } from './auth/session.ts';
import type { ApiContext } from './context.ts';
import type { Api } from './instance.ts';
import { certificateFingerprint } from '../pki/fingerprint.ts';
import { hashSecret } from '../pki/token.ts';

/** `__Host-`: browsers accept it only with Secure, Path=/ and no Domain. */
export const SESSION_COOKIE = '__Host-eterne';
/**
 * A page of another site can make a browser send our cookie, but not this header: that would need our consent by CORS, which is never
 * given. So every write that is authorised by a cookie must carry it, whatever its value.
 */
export const PAGE_HEADER = 'x-eterne-console';

export interface Guard {
  /** Would the request still be let through? For answers that go on for long. */
  readonly stillAllowed: (request: FastifyRequest) => boolean;
}

export function guardRoutes(api: Api, context: ApiContext, sessions: Sessions): Guard {
  const { facade, identity, world } = context;
  const root = rootToken(identity.clusterKey, certificateFingerprint(identity.tls.caPem));
  const callers = new Callers(sessions, hashSecret(root.secret));
  const identify = ({ headers, cookies }: FastifyRequest): Caller => {
    const credentials = { authorization: headers.authorization, cookie: cookies[SESSION_COOKIE] };
    return callers.identify(credentials, facade.state(), world.clock.wallMs());
  };

  api.decorateRequest('caller', null);
  api.addHook('onRoute', (route) => {
    assert(!isApi(route.url) || route.config?.access !== undefined, `${route.url} must say who may call it`);
  });
  api.addHook('onRequest', (request, _reply, done) => {
    const access = request.routeOptions.config.access;
    // What is not of the API is the console's files, the same for everybody, and holds nothing of the cluster.
    if (access === undefined || access === 'public') return done();
    const caller = identify(request);
    if (!mayAct(caller, access))
      throw new EterneError('forbidden', `${caller.name} is only ${caller.role}; this needs ${access}`);
    if (caller.via === 'cookie' && request.method !== 'GET' && request.headers[PAGE_HEADER] === undefined)
      throw new EterneError('forbidden', `the header ${PAGE_HEADER} is missing`, {
        hint: 'programs use an API token instead of the cookie',
      });
    request.caller = caller;
    done();
  });
  return { stillAllowed: (request) => allowed(() => identify(request)) };
}

function isApi(url: string): boolean {
  return url.startsWith('/api/');
}

function allowed(identify: () => Caller): boolean {
  try {
    identify();
    return true;
  } catch (error) {
    if (error instanceof EterneError) return false;
    throw error;
  }
}
