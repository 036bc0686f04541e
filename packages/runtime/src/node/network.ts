import { createSocket } from 'node:dgram';
import { lookup, type LookupOneOptions } from 'node:dns';
import * as fs from 'node:fs';
import {
  type Socket,
  connect as connectNet,
  createServer as createNetServer,
  isIP,
  type Server,
} from 'node:net';
import type { TLSSocket } from 'node:tls';
import { EterneError } from '@eterne/base';
import type {
  Address,
  ConnectOptions,
  DatagramSocket,
  Listener,
  Network,
  Stream,
  TlsIdentity,
} from '../ports.ts';
import { formatInet, parseAddress, type Endpoint } from './address.ts';
import { systemError } from './errno.ts';
import { nodeTls } from './late-tls.ts';
import { dialOptions, secure, tlsOptions } from './secure.ts';
import { NodeStream, adoptSocket, slabOptions } from './stream.ts';

const remoteOf = (socket: Socket): Address =>
  socket.remoteAddress === undefined ? 'unix:' : formatInet(socket.remoteAddress, socket.remotePort ?? 0);
const localOf = (socket: Socket): Address =>
  socket.localAddress === undefined ? 'unix:' : formatInet(socket.localAddress, socket.localPort ?? 0);

function makeServer(
  onStream: (stream: Stream) => void,
  tls: TlsIdentity | undefined,
  onUnproven: () => void,
): Server {
  if (!tls) {
    return createNetServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      onStream(adoptSocket(socket, localOf(socket), remoteOf(socket)));
    });
  }
  const server = nodeTls().createServer({ ...tlsOptions(tls), requestCert: true }, (socket: TLSSocket) => {
    socket.setNoDelay(true);
    onStream(new NodeStream(socket, localOf(socket), remoteOf(socket)));
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    socket.destroy();
    // Whoever ends on the way has not tried to pass for anybody.
    if (error.code !== 'ECONNRESET') onUnproven();
  });
  return server;
}

function boundAddress(server: Server, asked: Endpoint): Address {
  const address = server.address();
  if (asked.kind === 'unix' || address === null || typeof address === 'string') {
    return asked.kind === 'unix' ? `unix:${asked.path}` : '';
  }
  return formatInet(address.address, address.port);
}

/** Removes a socket file that nobody listens on any more; `done(false)` when somebody does. */
function clearStaleSocket(path: string, done: (free: boolean) => void): void {
  if (path.startsWith('\0') || !fs.existsSync(path)) return done(true);
  if (!fs.statSync(path).isSocket()) return done(false);
  const probe = connectNet({ path });
  probe.on('connect', () => {
    probe.destroy();
    done(false);
  });
  probe.on('error', () => {
    fs.rmSync(path, { force: true });
    done(true);
  });
}

function startListening(
  server: Server,
  endpoint: Endpoint,
  address: Address,
  done: (result: Listener | EterneError) => void,
): void {
  const failed = (error: NodeJS.ErrnoException): void => done(systemError(`listen on ${address}`, error));
  server.once('error', failed);
  server.listen(
    endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port },
    () => {
      server.off('error', failed);
      server.on('error', () => {}); // an accept that failed (EMFILE, a reset) concerns that one connection
      if (endpoint.kind === 'unix' && !endpoint.path.startsWith('\0')) fs.chmodSync(endpoint.path, 0o600);
      done({ address: boundAddress(server, endpoint), close: () => server.close() });
    },
  );
}

function listen(
  address: Address,
  onStream: (stream: Stream) => void,
  done: (result: Listener | EterneError) => void,
  tls?: TlsIdentity,
  onUnproven: () => void = () => {},
): void {
  listenServer(makeServer(onStream, tls, onUnproven), address, done);
}

/** Binds a server; a stale unix socket file is removed first, one that somebody listens on is `busy`. */
export function listenServer(
  server: Server,
  address: Address,
  done: (result: Listener | EterneError) => void,
): void {
  const endpoint = parseOrReport(address, done);
  if (!endpoint) return;
  if (endpoint.kind === 'inet') return startListening(server, endpoint, address, done);
  clearStaleSocket(endpoint.path, (free) => {
    if (free) return startListening(server, endpoint, address, done);
    done(new EterneError('busy', `listen on ${address}: in use by another process`));
  });
}

function parseOrReport(address: Address, done: (error: EterneError) => void): Endpoint | undefined {
  try {
    return parseAddress(address);
  } catch (error) {
    setImmediate(() => done(error as EterneError));
    return undefined;
  }
}

/**
 * Dialling a port of this host that nobody listens on can meet itself, when the kernel picks that very port for our end (RFC 9293,
 * 3.5: simultaneous open). It would keep the rightful listener from its port.
 */
const isSelfConnected = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean =>
  localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;

function connect(
  address: Address,
  options: ConnectOptions,
  done: (result: Stream | EterneError) => void,
): void {
  const endpoint = parseOrReport(address, done);
  if (!endpoint) return;
  const owner: { stream: NodeStream | undefined } = { stream: undefined };
  const target =
    endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  const local = options.localAddress === undefined ? {} : { localAddress: options.localAddress };
  const socket: Socket = options.tls
    ? nodeTls().connect({ ...target, ...local, ...dialOptions(options.tls) })
    : connectNet({ ...target, ...local, noDelay: true, onread: slabOptions(owner) });
  let settled = false;
  const settle = (result: Stream | EterneError): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    socket.removeListener('error', failed);
    if (result instanceof EterneError) {
      socket.on('error', () => {}); // reported already
      socket.destroy();
    }
    done(result);
  };
  const failed = (error: NodeJS.ErrnoException): void => settle(systemError(`connect to ${address}`, error));
  const timer = setTimeout(() => {
    settle(new EterneError('timeout', `connect to ${address}: no answer within ${options.timeoutMs} ms`));
  }, options.timeoutMs);
  socket.on('error', failed);
  socket.on(options.tls ? 'secureConnect' : 'connect', () => {
    if (settled) return;
    if (isSelfConnected(socket)) {
      socket.resetAndDestroy();
      return settle(new EterneError('unreachable', `connect to ${address}: nobody listens`));
    }
    socket.pause();
    owner.stream = new NodeStream(socket, localOf(socket), address);
    settle(owner.stream);
  });
}

function datagram(
  bind: Address,
  onMessage: (payload: Buffer, from: Address) => void,
  done: (result: DatagramSocket | EterneError) => void,
): void {
  const endpoint = parseOrReport(bind, done);
  if (!endpoint) return;
  if (endpoint.kind === 'unix') return done(new EterneError('config', `not a UDP address: ${bind}`));
  const socket = createSocket({
    type: endpoint.host.includes(':') ? 'udp6' : 'udp4',
    lookup: lookUp,
  });
  const failed = (error: NodeJS.ErrnoException): void => {
    socket.close();
    done(systemError(`bind ${bind}`, error));
  };
  socket.once('error', failed);
  socket.on('message', (payload, from) => onMessage(payload, formatInet(from.address, from.port)));
  socket.bind({ address: endpoint.host, port: endpoint.port, exclusive: true }, () => {
    socket.off('error', failed);
    socket.on('error', () => {}); // a datagram that could not be sent is a lost datagram
    const { address, port } = socket.address();
    done({
      address: formatInet(address, port),
      send: (to, payload) => sendDatagram(socket, to, payload),
      close: () => socket.close(),
    });
  });
}

/** An address needs no look-up, and heartbeats are sent all the time. */
function lookUp(
  host: string,
  options: LookupOneOptions,
  done: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = isIP(host);
  if (family === 0) lookup(host, options, done);
  else done(null, host, family);
}

function sendDatagram(socket: ReturnType<typeof createSocket>, to: Address, payload: Buffer): void {
  const endpoint = parseAddress(to);
  if (endpoint.kind === 'inet') socket.send(payload, endpoint.port, endpoint.host, () => {});
}

export const nodeNetwork: Network = { listen, connect, secure, datagram };
