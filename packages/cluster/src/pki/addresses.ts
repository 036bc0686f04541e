/** The addresses that `cluster init` and `cluster join` are given. */
import { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import { NODE_PATHS_MAX, normaliseAddress } from '../node/identity.ts';

export const DEFAULT_API_PORT = 8443;
const WITH_PORT = /^(\[[^\]]*\]|[^:]*):\d+$/;

/** One per heartbeat path. Throws `config`. */
export function parseAddresses(texts: readonly string[]): readonly Address[] {
  const addresses = texts.map(normaliseAddress);
  if (addresses.length === 0 || addresses.length > NODE_PATHS_MAX)
    throw new EterneError('config', `a node has 1 to ${NODE_PATHS_MAX} addresses`);
  if (new Set(addresses).size < addresses.length)
    throw new EterneError('config', 'the same address is given twice');
  return addresses;
}

/** Where the HTTPS API listens: `10.0.0.1` → `10.0.0.1:8443`. Throws `config`. */
export function parseApiAddress(text: string): Address {
  return normaliseAddress(WITH_PORT.test(text.trim()) ? text : `${text.trim()}:${DEFAULT_API_PORT}`);
}

/** `[fd00::1]:7700` → `fd00::1`. */
export function hostOf(address: Address): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
