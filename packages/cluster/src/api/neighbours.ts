/**
 * The other nodes' APIs. What only one node can do or tell is handed on to it, over the same routes, in the name of whoever asked: the cluster's
 * root token proves that a node of it asks, the authority's certificate that a node of it answers.
 */
import type { z } from 'zod';
import type { NodeIdentity } from '../node/identity.ts';
import { certificateFingerprint } from '../pki/fingerprint.ts';
import { encodeToken } from '../pki/token.ts';
import type { Requester, ServiceFacade } from '../service/facade.ts';
import { rootToken } from './auth/root-token.ts';
import { type ApiCall, callApi } from './client.ts';
import { FORWARDED_HEADER } from './context.ts';
import { errorOf, noSuch } from '../state/outcome.ts';

export class Neighbours {
  readonly #identity: NodeIdentity;
  readonly #facade: Pick<ServiceFacade, 'state'>;

  constructor(identity: NodeIdentity, facade: Pick<ServiceFacade, 'state'>) {
    this.#identity = identity;
    this.#facade = facade;
  }

  /** Rejects with what the node answered, or `unreachable`, `timeout`. */
  ask<T>(node: string, call: ApiCall, by: Requester, answer: z.ZodType<T>): Promise<T> {
    const member = this.#facade.state().members[node];
    if (!member) throw errorOf(noSuch('node', node, this.#facade.state().members));
    const { clusterKey, tls } = this.#identity;
    const authorityFingerprint = certificateFingerprint(tls.caPem);
    const target = {
      url: `https://${member.api}`,
      authorityFingerprint,
      authorityPem: tls.caPem,
      token: encodeToken(rootToken(clusterKey, authorityFingerprint)),
    };
    return callApi(target, { ...call, headers: { [FORWARDED_HEADER]: by } }, answer);
  }
}
