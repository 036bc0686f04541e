import type { SimNode } from './node.ts';
import type { SimNetwork } from './network.ts';

/** No word passes between any of `ones` and any of `others`, either way. Returns what ends it. */
export function part(network: SimNetwork, ones: readonly SimNode[], others: readonly SimNode[]): () => void {
  const connect = (isConnected: boolean): void => {
    for (const one of ones)
      for (const other of others) {
        network.setLink(one, other, isConnected);
        network.setLink(other, one, isConnected);
      }
  };
  connect(false);
  return () => connect(true);
}
