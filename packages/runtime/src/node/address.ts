import { isIPv6 } from 'node:net';
import { EterneError } from '@eterne/base';
import type { Address } from '../ports.ts';

export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: number };

const INET = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

/** Takes an `Address` apart. Throws `config` when it is none. */
export function parseAddress(address: Address): Endpoint {
  if (address.startsWith('unix:') && address.length > 5) return { kind: 'unix', path: address.slice(5) };
  const match = INET.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65535)) {
    throw new EterneError('config', `not an address: ${JSON.stringify(address)}`, {
      hint: 'write for example 10.0.0.1:7701, [fd00::1]:7701 or unix:/run/a.sock',
    });
  }
  return { kind: 'inet', host, port };
}

export function formatInet(host: string, port: number): Address {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
