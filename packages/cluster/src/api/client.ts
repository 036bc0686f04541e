/** A client of the API that trusts exactly the cluster whose authority's fingerprint it was given. */
import { createHash, X509Certificate } from 'node:crypto';
import { EterneError, type ErrorCode } from '@eterne/base';
import { presentedChain, requestHttps, streamHttps } from '@eterne/runtime/node/https-client.ts';
import type { z } from 'zod';
import { HTTP_STATUS } from './errors.ts';
import { errorAnswer } from './schema/access.ts';

export interface ApiTarget {
  /** `https://host:port` of any node. */
  readonly url: string;
  /** SHA-256 of the authority's certificate; every token carries it. */
  readonly authorityFingerprint: Buffer;
  /** The authority's certificate, where it is known; else it is learned from the server and compared with its fingerprint. */
  readonly authorityPem?: string;
  /** The text of an API token. */
  readonly token?: string;
}

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;
/** An order waits for the cluster log, which says after 50 s at the latest that it has no majority (profile `wan`). */
const ORDER_TIMEOUT_MS = 60_000;
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Where another node can be asked instead. */
const SHORT_HANDSHAKE_TIMEOUT_MS = 1_500;

/** Rejects with the error that the API answered, or `unreachable`, `timeout`, `unauthorized` (another cluster), `protocol`. */
export async function callApi<T>(target: ApiTarget, call: ApiCall, answer: z.ZodType<T>): Promise<T> {
  const response = await requestHttps(await prepare(target, call));
  const json = parse(response.body);
  if (response.status >= 400) throw errorOf(target, response.status, json);
  const checked = answer.safeParse(json);
  if (!checked.success)
    throw new EterneError(
      'protocol',
      `${target.url}${call.path} answered with something else than expected`,
      {
        hint: 'is it of another version?',
        cause: checked.error,
      },
    );
  return checked.data;
}

/** The answer's text as it arrives, without an end (server-sent events). */
export async function streamApi(target: ApiTarget, path: string): Promise<AsyncIterable<string>> {
  const stream = await streamHttps(await prepare(target, { method: 'GET', path }));
  if (stream.status === 200) return stream.chunks;
  let text = '';
  for await (const chunk of stream.chunks) text += chunk;
  throw errorOf(target, stream.status, parse(text));
}

/** The first of several nodes that answers; rejects with what the last one said. Nothing was asked before this, so no order is given twice. */
export async function firstReachable([target, ...others]: readonly [
  ApiTarget,
  ...ApiTarget[],
]): Promise<ApiTarget> {
  const [next, ...rest] = others;
  if (next === undefined) return target;
  try {
    return { ...target, authorityPem: await authorityOf(target, SHORT_HANDSHAKE_TIMEOUT_MS) };
  } catch (error) {
    if (!(error instanceof EterneError) || (error.code !== 'unreachable' && error.code !== 'timeout'))
      throw error;
    return firstReachable([next, ...rest]);
  }
}

async function prepare(target: ApiTarget, { method, path, body, headers, timeoutMs }: ApiCall) {
  return {
    url: target.url + path,
    method,
    headers: {
      ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    authorityPem: target.authorityPem ?? (await authorityOf(target, HANDSHAKE_TIMEOUT_MS)),
    timeoutMs: timeoutMs ?? (method === 'GET' ? TIMEOUT_MS : ORDER_TIMEOUT_MS),
  };
}

/** The pinned authority's certificate, which every node shows in its handshake. No secret has been sent before this. */
async function authorityOf({ url, authorityFingerprint }: ApiTarget, timeoutMs: number): Promise<string> {
  const chain = await presentedChain(url, timeoutMs);
  const authority = chain.find((der) =>
    createHash('sha256').update(der).digest().equals(authorityFingerprint),
  );
  if (!authority)
    throw new EterneError('unauthorized', `${url} does not belong to the cluster of this token`, {
      hint: 'check the address; somebody may be in between',
    });
  return new X509Certificate(authority).toString();
}

function errorOf({ url }: ApiTarget, status: number, json: unknown): EterneError {
  const answer = errorAnswer.safeParse(json);
  if (!answer.success || !(answer.data.code in HTTP_STATUS))
    return new EterneError('protocol', `${url} answered with status ${status}`);
  const { code, message, hint } = answer.data;
  return new EterneError(code as ErrorCode, message, hint === null ? {} : { hint });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
