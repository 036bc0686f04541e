/**
 * An HTTPS server that also understands whoever forgets the `s`: a connection whose first byte is not a TLS handshake gets one
 * answer, 308 to the same address with https, and is closed. Never serves anything in clear.
 */
import type { RequestListener } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';

/** PEM. `chainPem` holds the issuers, so that a client that pins the authority finds it in the handshake. */
export interface HttpsCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly chainPem: string;
}

const TLS_HANDSHAKE = 0x16;
/** How long a connection may stay silent before its first byte. */
const FIRST_BYTE_TIMEOUT_MS = 10_000;
const REDIRECT_TIMEOUT_MS = 5_000;

export function createHttpsServer(certificate: HttpsCertificate, listener: RequestListener): Server {
  const server = createServer(
    {
      cert: `${certificate.certPem}\n${certificate.chainPem}`,
      key: certificate.keyPem,
      minVersion: 'TLSv1.3',
      handshakeTimeout: FIRST_BYTE_TIMEOUT_MS,
    },
    listener,
  );
  const redirect = createRedirector();
  const [startTls] = server.listeners('connection') as [(socket: Socket) => void];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    peekFirstByte(socket, (byte) => {
      if (byte === TLS_HANDSHAKE) startTls.call(server, socket);
      else redirect(socket);
    });
  });
  return server;
}

function createRedirector(): (socket: Socket) => void {
  const redirector = createHttpServer((request, response) => {
    const host = request.headers.host ?? 'localhost';
    response.writeHead(308, { location: `https://${host}${request.url ?? '/'}`, connection: 'close' });
    response.end();
  });
  return (socket) => {
    // A server that does not listen itself enforces none of its own time limits.
    const timer = setTimeout(() => socket.destroy(), REDIRECT_TIMEOUT_MS);
    socket.once('close', () => clearTimeout(timer));
    redirector.emit('connection', socket);
  };
}

function peekFirstByte(socket: Socket, found: (byte: number) => void): void {
  const giveUp = () => socket.destroy();
  socket.once('error', giveUp);
  socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, giveUp);
  socket.once('readable', () => {
    const chunk = socket.read() as Buffer | null;
    socket.setTimeout(0);
    socket.off('timeout', giveUp);
    const first = chunk?.[0];
    if (chunk === null || first === undefined) {
      giveUp();
      return;
    }
    socket.unshift(chunk);
    found(first);
    socket.off('error', giveUp);
  });
}
