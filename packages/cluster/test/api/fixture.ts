/** A running API on a free port of loopback over a fake cluster, and a client that trusts its authority. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Random } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { requestHttps } from '@eterne/runtime/node/https-client.ts';
import { hashPassword } from '../../src/api/auth/password.ts';
import { rootToken } from '../../src/api/auth/root-token.ts';
import { startApi } from '../../src/api/server.ts';
import type { NodeIdentity } from '../../src/node/identity.ts';
import { createAuthority, issueCertificate, type Authority } from '../../src/pki/authority.ts';
import { certificateFingerprint } from '../../src/pki/fingerprint.ts';
import { createRequest } from '../../src/pki/request.ts';
import { encodeToken } from '../../src/pki/token.ts';
import { createFakeFacade, type FakeFacade } from './fake-facade.ts';

export const PASSWORD = 'correct horse battery';
const random: Random = { bytes: randomBytes, below: (bound) => randomInt(bound), uuid: randomUUID };

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed; undefined when the answer is not JSON. */
  readonly json: Record<string, unknown> | undefined;
}

export interface CallOptions {
  readonly token?: string;
  readonly cookie?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiFixture {
  readonly facade: FakeFacade;
  readonly identity: NodeIdentity;
  readonly authority: Authority;
  readonly url: string;
  readonly rootToken: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Logs in and returns the cookie. */
  logIn(user: string): Promise<string>;
  close(): Promise<void>;
}

export async function startFixture(
  options: { readonly consoleFolder?: string; readonly api?: string } = {},
): Promise<ApiFixture> {
  const issue = { random, nowMs: Date.now() };
  const authority = await createAuthority('prod', issue);
  const { keyPem, requestPem } = await createRequest('n1');
  const subject = { cluster: 'prod', node: 'n1', hosts: ['127.0.0.1'] };
  const certPem = await issueCertificate(authority, subject, requestPem, issue);
  const identity = identityOf({ certPem, keyPem, caPem: authority.certPem }, options.api ?? '127.0.0.1:0');
  const facade = createFakeFacade();
  const passwordHash = await hashPassword(PASSWORD, random);
  for (const role of ['viewer', 'operator', 'admin'] as const)
    await facade.accountPut({ name: role, role, passwordHash, tokenHashes: [] }, 'test');
  facade.orders.length = 0;
  const { clock, timers, processes } = createNodeWorld('test');
  const running = await startApi({
    facade,
    identity,
    authority,
    world: { clock, timers, random, processes, log: () => {} },
    consoleFolder: options.consoleFolder,
  });
  const url = `https://${running.address}`;
  const call = (method: string, path: string, callOptions: CallOptions = {}) =>
    callApi(url, authority.certPem, method, path, callOptions);
  return {
    facade,
    identity,
    authority,
    url,
    rootToken: encodeToken(rootToken(identity.clusterKey, certificateFingerprint(authority.certPem))),
    call,
    async logIn(user) {
      const { headers } = await call('POST', '/api/v1/session', { body: { user, password: PASSWORD } });
      return String(headers['set-cookie']).split(';')[0] ?? '';
    },
    close: () => running.close(),
  };
}

function identityOf(tls: NodeIdentity['tls'], api: string): NodeIdentity {
  const addresses = ['10.0.1.1:7700'];
  return {
    version: 1,
    clusterName: 'prod',
    clusterId: randomUUID(),
    node: 'n1',
    role: 'node',
    addresses,
    api,
    clusterKey: randomBytes(32),
    tls,
    voterId: randomUUID(),
    founder: true,
    seeds: [{ node: 'n1', role: 'node', addresses }],
  };
}

async function callApi(
  url: string,
  authorityPem: string,
  method: string,
  path: string,
  options: CallOptions,
): Promise<Answer> {
  const { token, cookie, body } = options;
  const response = await requestHttps({
    url: url + path,
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(cookie === undefined ? {} : { cookie }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    authorityPem,
    timeoutMs: 10_000,
  });
  return { ...response, json: parse(response.body) };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
