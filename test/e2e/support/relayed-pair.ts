/** Two nodes with relays between them, which the test can cut and which count what they carry. */
import { filesOf, mirrorPair, type MirrorPair, type StoresOf } from './disk-node.ts';
import { TcpRelay } from './tcp-relay.ts';

export interface RelayedPair extends MirrorPair {
  /** They end with the pair. */
  readonly relays: readonly TcpRelay[];
}

export interface RelayedPairOptions {
  /** Between the nodes, one behind each address that `a`, which dials, knows of `b`. */
  readonly relays?: number;
  readonly replicationOf?: (node: 'a' | 'b') => string;
  /** Further lines of the volume. */
  readonly extra?: readonly string[];
  readonly storesOf?: StoresOf;
}

export async function relayedPair(
  size: string,
  { relays: count = 1, replicationOf = () => '', extra = [], storesOf = filesOf }: RelayedPairOptions = {},
): Promise<RelayedPair> {
  const relays = Array.from({ length: count }, () => new TcpRelay());
  const toB = Promise.withResolvers<number>();
  const fronts = await Promise.all(relays.map((relay) => relay.listen(toB.promise)));
  const pair = await mirrorPair(size, extra, storesOf, (node, ports) => {
    toB.resolve(ports.b);
    const addresses = node === 'a' ? fronts : [`127.0.0.1:${ports.a}`];
    return { addresses, replication: replicationOf(node) };
  });
  const remove = async (): Promise<void> => {
    await pair.remove();
    for (const relay of relays) relay.close();
  };
  return { ...pair, relays, remove };
}
