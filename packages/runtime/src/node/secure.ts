/** TLS on a connection that began in clear: both sides prove themselves, version 1.3 only. */
import type { PeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import { EterneError, assert } from '@eterne/base';
import type { SecureOptions, Stream, TlsIdentity } from '../ports.ts';
import { nodeTls } from './late-tls.ts';
import { NodeStream } from './stream.ts';

type Done = (result: Stream | EterneError) => void;

export const tlsOptions = (tls: TlsIdentity) =>
  ({
    cert: tls.certPem,
    key: tls.keyPem,
    ca: tls.caPem,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
  }) as const;

const contexts = new WeakMap<TlsIdentity, SecureContext>();

/** Certificates and key of an identity are read once: to read them costs more than all else of a connection that fails. */
export function dialOptions(tls: TlsIdentity) {
  const secureContext = contexts.get(tls) ?? nodeTls().createSecureContext(tlsOptions(tls));
  contexts.set(tls, secureContext);
  return { secureContext, minVersion: 'TLSv1.3', rejectUnauthorized: true, checkServerIdentity } as const;
}

/** Who it is the certificate's chain says, and what is asked after the handshake. */
const checkServerIdentity = (): undefined => undefined;

/** `stream` is dead afterwards. The other side's first bytes must not have been read from it. */
export function secure(stream: Stream, options: SecureOptions, done: Done): void {
  assert(stream instanceof NodeStream, 'a stream of this network');
  const { localAddress, remoteAddress } = stream;
  const socket = stream.release();
  const what = `TLS with ${remoteAddress}`;
  let settled = false;
  const settle = (result: Stream | EterneError): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    if (result instanceof EterneError) socket.destroy();
    done(result);
  };
  const fail = (error: Error): void =>
    settle(new EterneError('forbidden', `${what}: ${error.message}`, { cause: error }));
  const timer = setTimeout(
    () => settle(new EterneError('timeout', `${what}: no answer within ${options.timeoutMs} ms`)),
    options.timeoutMs,
  );
  const agreed = (secured: TLSSocket): void => {
    if (settled) return void secured.destroy();
    const problem = misnamed(secured.getPeerCertificate(), options.peerName);
    if (problem !== undefined) return fail(problem);
    secured.removeListener('error', fail);
    secured.pause();
    settle(new NodeStream(secured, localAddress, remoteAddress));
  };
  socket.on('error', fail);
  socket.on('close', () => settle(new EterneError('unreachable', `${what}: the connection was closed`)));
  // What was written in clear leaves first.
  socket.write('', () => {
    if (settled) return;
    if (options.side === 'server') {
      const server = nodeTls().createServer({ ...tlsOptions(options.tls), requestCert: true }, agreed);
      server.on('tlsClientError', fail);
      server.emit('connection', socket);
    } else {
      const secured: TLSSocket = nodeTls().connect({ ...dialOptions(options.tls), socket }, () =>
        agreed(secured),
      );
      secured.on('error', fail);
    }
  });
}

/** A certificate names its holder by common name or by DNS names. */
function misnamed(certificate: PeerCertificate, wanted: string | undefined): Error | undefined {
  if (wanted === undefined) return undefined;
  const names = [
    certificate.subject.CN,
    ...(certificate.subjectaltname ?? '').split(', ').map((name) => name.replace(/^DNS:/, '')),
  ];
  return names.includes(wanted) ? undefined : new Error(`its certificate does not name ${wanted}`);
}
