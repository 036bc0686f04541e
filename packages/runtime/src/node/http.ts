/** HTTP/JSON over a unix socket or loopback, for control sockets. The public API has its own server (`cluster/api`). */
import * as http from 'node:http';
import type { Socket } from 'node:net';
import { EterneError, type ErrorCode } from '@eterne/base';
import type { Address, Listener, Stream } from '../ports.ts';
import { parseAddress } from './address.ts';
import { systemError } from './errno.ts';
import { listenServer } from './network.ts';
import { NodeStream } from './stream.ts';

export const HTTP_BODY_BYTES_MAX = 4 * 1024 * 1024;

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined when there was no body. */
  readonly body: unknown;
}

export interface HttpReply {
  readonly status: number;
  readonly body: unknown;
}

export interface HttpService {
  onRequest(request: HttpRequest, reply: (reply: HttpReply) => void): void;
  /** `Upgrade: <protocol>` was asked for and has been granted: the connection is now a bare stream. Absent: refused. */
  onUpgrade?(protocol: string, stream: Stream): void;
}

const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  usage: 400,
  config: 400,
  'not-found': 404,
  exists: 409,
  conflict: 409,
  refused: 409,
  busy: 409,
  'not-primary': 409,
  unauthorized: 401,
  forbidden: 403,
  timeout: 504,
  'no-quorum': 503,
  unreachable: 503,
  unsupported: 501,
};

export function errorReply(error: EterneError): HttpReply {
  const { code, message, hint } = error;
  return {
    status: STATUS_OF_CODE[code] ?? 500,
    body: { error: { code, message, ...(hint === undefined ? {} : { hint }) } },
  };
}

/** Collects a body; `done(undefined)` when it is too long. */
function collect(message: http.IncomingMessage, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let lengthBytes = 0;
  message.on('data', (chunk: Buffer) => {
    lengthBytes += chunk.length;
    if (lengthBytes > HTTP_BODY_BYTES_MAX) {
      message.destroy();
      return done(undefined);
    }
    chunks.push(chunk);
  });
  message.on('end', () => done(Buffer.concat(chunks)));
}

function parseBody(bytes: Buffer): { readonly value: unknown } | undefined {
  if (bytes.length === 0) return { value: undefined };
  try {
    return { value: JSON.parse(bytes.toString('utf8')) as unknown };
  } catch {
    return undefined;
  }
}

function handleRequest(
  service: HttpService,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): void {
  const reply = ({ status, body }: HttpReply): void => {
    const text = Buffer.from(JSON.stringify(body ?? null));
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length });
    response.end(text);
  };
  collect(request, (bytes) => {
    const parsed = bytes && parseBody(bytes);
    if (!parsed)
      return reply(errorReply(new EterneError('usage', 'the request body is not JSON or too long')));
    const url = new URL(request.url ?? '/', 'http://socket');
    service.onRequest(
      { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, body: parsed.value },
      reply,
    );
  });
}

function handleUpgrade(
  service: HttpService,
  request: http.IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  if (!service.onUpgrade) return void socket.destroy();
  const protocol = request.headers.upgrade ?? '';
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
  service.onUpgrade(protocol, bareStream(socket, head));
}

/** A socket that Node.js' HTTP parser has let go of. */
function bareStream(socket: Socket, head: Buffer): Stream {
  socket.removeAllListeners('data');
  socket.pause();
  const stream = new NodeStream(socket, 'unix:', 'unix:', head);
  socket.on('data', (chunk: Buffer) => stream.receive(chunk));
  socket.pause();
  return stream;
}

/** Serves `service` at `address`; a stale socket file is removed, one in use is refused with `busy`. */
export function serveHttp(
  address: Address,
  service: HttpService,
  done: (result: Listener | EterneError) => void,
): void {
  const server = http.createServer({ keepAliveTimeout: 5000 }, (request, response) =>
    handleRequest(service, request, response),
  );
  server.on('upgrade', (request, socket, head) => handleUpgrade(service, request, socket as Socket, head));
  server.on('clientError', (_error, socket) => socket.destroy());
  listenServer(server, address, (result) => {
    if (result instanceof EterneError) return done(result);
    done({ address: result.address, close: () => closeAll(server, result) });
  });
}

function closeAll(server: http.Server, listener: Listener): void {
  listener.close();
  server.closeAllConnections();
}

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs: number;
}

const socketOptions = (address: Address): http.RequestOptions => {
  const endpoint = parseAddress(address);
  return endpoint.kind === 'unix'
    ? { socketPath: endpoint.path }
    : { host: endpoint.host, port: endpoint.port };
};

function errorOf(body: unknown, status: number): EterneError {
  const error = (body as { error?: { code?: ErrorCode; message?: string; hint?: string } } | undefined)
    ?.error;
  return new EterneError(
    error?.code ?? 'protocol',
    error?.message ?? `unexpected answer with status ${status}`,
    error?.hint === undefined ? {} : { hint: error.hint },
  );
}

/** Calls a control socket. Resolves with the parsed body; rejects with the server's own EterneError, or `unreachable`/`timeout`. */
export function callHttp(address: Address, call: HttpCall): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const content = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const headers =
      content === undefined ? {} : { 'content-type': 'application/json', 'content-length': content.length };
    const request = http.request({
      ...socketOptions(address),
      method: call.method,
      path: call.path,
      headers,
      agent: false,
    });
    request.setTimeout(call.timeoutMs, () => {
      request.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }));
    });
    request.on('error', (error) => reject(systemError(`call ${address}`, error)));
    request.on('response', (response) => {
      collect(response, (bytes) => {
        const parsed = bytes && parseBody(bytes);
        const status = response.statusCode ?? 0;
        if (!parsed)
          return reject(new EterneError('protocol', `${address} answered something that is not JSON`));
        if (status >= 400) return reject(errorOf(parsed.value, status));
        resolve(parsed.value);
      });
    });
    request.end(content);
  });
}

/** Opens a bare stream by `Upgrade: <protocol>` on a control socket. */
export function upgradeHttp(
  address: Address,
  protocol: string,
  timeoutMs: number,
  done: (result: Stream | EterneError) => void,
): void {
  const headers = { connection: 'Upgrade', upgrade: protocol };
  const request = http.request({
    ...socketOptions(address),
    method: 'GET',
    path: '/',
    headers,
    agent: false,
  });
  let settled = false;
  const settle = (result: Stream | EterneError): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    if (result instanceof EterneError) request.destroy();
    done(result);
  };
  const timer = setTimeout(() => settle(new EterneError('timeout', `${address} does not answer`)), timeoutMs);
  request.on('error', (error) => settle(systemError(`connect to ${address}`, error)));
  request.on('response', () => settle(new EterneError('refused', `${address} does not speak ${protocol}`)));
  request.on('upgrade', (_response, socket, head) => settle(bareStream(socket, head)));
  request.end();
}
