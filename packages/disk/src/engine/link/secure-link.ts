import type { EterneError } from '@eterne/base';
import type { Stream, World } from '@eterne/runtime';
import type { VolumeConfig } from '../api.ts';

const TIMEOUT_MS = 2000;

/**
 * TLS on a connection between two nodes, right after its preface, where this node's links have it. The acceptor speaks first on all of them, so
 * it is the client. Each side checks that the other's certificate carries the other's node name.
 */
export function secureLink(
  world: Pick<World, 'network' | 'log'>,
  { name, tls }: VolumeConfig,
  stream: Stream,
  { side, peerName }: { readonly side: 'dialer' | 'acceptor'; readonly peerName: string },
  done: (result: Stream | EterneError) => void,
): void {
  if (tls === undefined) return done(stream);
  const role = side === 'dialer' ? 'server' : 'client';
  world.network.secure(stream, { tls, side: role, peerName, timeoutMs: TIMEOUT_MS }, (result) => {
    if ('code' in result && result.code === 'forbidden')
      world.log('warn', `volume ${name}: ${peerName} is refused: ${result.message}`);
    done(result);
  });
}
