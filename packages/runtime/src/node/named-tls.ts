/**
 * TLS on a connection to a server that is known by what it is called: its certificate has to name the host that was dialled (RFC 9110 §4.3.4), a DNS name by the DNS names
 * in it and an address by the IP addresses in it, and an authority of ours has to have signed it.
 *
 * A DNS name is told to the server before it shows a certificate. An address is not: RFC 6066 §3 forbids it.
 */
import type { SecureContext, TLSSocket } from 'node:tls';
import { isIP, type Socket } from 'node:net';
import { nodeTls } from './late-tls.ts';

export type { SecureContext };

/** PEM. `cert` and `key`: ours, where the server wants to know who comes. */
export interface NamedTlsIdentity {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Read once for all connections. Throws when something of it is no PEM. */
export const namedTlsContext = ({ ca, cert, key }: NamedTlsIdentity): SecureContext =>
  nodeTls().createSecureContext({ ca, cert, key });

/** `host`: a DNS name or an address, without brackets. Rejects when the server does not prove that it is that, or ends; `socket` is dead then. */
export function secureNamed(
  socket: Socket,
  host: string,
  protocol: string,
  secureContext: SecureContext,
): Promise<TLSSocket> {
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return new Promise((resolve, reject) => {
    const secured: TLSSocket = nodeTls().connect(
      { socket, host, ...servername, secureContext, ALPNProtocols: [protocol] },
      () => resolve(secured),
    );
    secured.on('error', reject);
    secured.on('close', () => reject(new Error('the connection was closed')));
  });
}
