/**
 * HTTPS requests to servers whose certificates come from a private authority. The caller either has the authority's certificate or
 * learns it first with `presentedChain` and checks it against a pinned fingerprint.
 *
 * Host names are not compared: the authority signs nothing but nodes of one cluster, each of which serves the whole cluster, and
 * people reach them by names, forwarded ports and addresses that no certificate can list.
 */
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect as tlsConnect, type DetailedPeerCertificate } from 'node:tls';
import { EterneError } from '@eterne/base';

export interface HttpsRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly authorityPem: string;
  /** For the whole exchange; with `streamHttps`, until the head of the answer. */
  readonly timeoutMs: number;
}

export interface HttpsResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Largest answer that is read into memory. */
const RESPONSE_MAX_BYTES = 64 * 1024 * 1024;
const CHAIN_DEPTH_MAX = 8;

/** Rejects with `unreachable`, `timeout` or `protocol`; any HTTP status is an answer. */
export function requestHttps(request: HttpsRequest): Promise<HttpsResponse> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => outgoing.destroy(timedOut(request)), request.timeoutMs);
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(asEterneError(request.url, error));
    };
    const outgoing = open(request, (response) => {
      const chunks: Buffer[] = [];
      let lengthBytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        lengthBytes += chunk.length;
        if (lengthBytes > RESPONSE_MAX_BYTES) outgoing.destroy(tooLong(request));
      });
      response.on('error', fail);
      response.on('end', () => {
        clearTimeout(timer);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    outgoing.on('error', fail);
    outgoing.end(request.body);
  });
}

/** Like `requestHttps`, for an answer without an end: resolves with its status and its text as it arrives. */
export function streamHttps(
  request: HttpsRequest,
): Promise<{ readonly status: number; readonly chunks: AsyncIterable<string>; close(): void }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => outgoing.destroy(timedOut(request)), request.timeoutMs);
    const outgoing = open(request, (response) => {
      clearTimeout(timer);
      response.setEncoding('utf8');
      const chunks = response as AsyncIterable<string>;
      resolve({ status: response.statusCode ?? 0, chunks, close: () => void outgoing.destroy() });
    });
    outgoing.on('error', (error: Error) => {
      clearTimeout(timer);
      reject(asEterneError(request.url, error));
    });
    outgoing.end(request.body);
  });
}

/** The certificates (DER) that the server shows, leaf first, **not verified**: for comparing with a pinned fingerprint only. */
export function presentedChain(url: string, timeoutMs: number): Promise<Buffer[]> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      host,
      port: Number(port || 443),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    });
    const timer = setTimeout(
      () => socket.destroy(new EterneError('timeout', `${url} does not answer`)),
      timeoutMs,
    );
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      const chain = chainOf(socket.getPeerCertificate(true));
      socket.destroy();
      resolve(chain);
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(asEterneError(url, error));
    });
  });
}

function chainOf(leaf: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  let current: DetailedPeerCertificate | undefined = leaf;
  // Node says "self-signed" by a certificate that is its own issuer.
  while (current?.raw !== undefined && chain.length < CHAIN_DEPTH_MAX) {
    const { raw, issuerCertificate }: DetailedPeerCertificate = current;
    chain.push(raw);
    current = issuerCertificate === current ? undefined : issuerCertificate;
  }
  return chain;
}

function open(request: HttpsRequest, onResponse: (response: IncomingMessage) => void) {
  return httpsRequest(
    request.url,
    {
      method: request.method,
      headers: request.headers,
      ca: request.authorityPem,
      checkServerIdentity: () => undefined,
      minVersion: 'TLSv1.3',
      agent: false,
    },
    onResponse,
  );
}

function timedOut(request: HttpsRequest): EterneError {
  return new EterneError('timeout', `${request.url} did not answer within ${request.timeoutMs} ms`);
}

function tooLong(request: HttpsRequest): EterneError {
  return new EterneError('protocol', `${request.url} answered with more than ${RESPONSE_MAX_BYTES} bytes`);
}

function asEterneError(url: string, error: Error): EterneError {
  if (error instanceof EterneError) return error;
  if (isOtherProtocol(error))
    return new EterneError('unreachable', `what answers at ${new URL(url).origin} is not the API of a node`, {
      cause: error,
      hint: 'check the port: it is the one that was given with --api, not 7700, which is between the nodes',
    });
  return new EterneError('unreachable', `${new URL(url).origin} cannot be reached: ${error.message}`, {
    cause: error,
    hint: 'check the address and that the node runs',
  });
}

/** It speaks no TLS, or wants a certificate as nodes show each other. What OpenSSL says of that has several lines. */
function isOtherProtocol({ code = '' }: NodeJS.ErrnoException): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_');
}
