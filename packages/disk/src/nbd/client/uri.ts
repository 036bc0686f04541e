/**
 * NBD URIs (the NBD project's `doc/uri.md`): `nbd+unix:///EXPORT?socket=PATH` and `nbd://HOST[:PORT]/EXPORT`. What stands for a
 * volume's block device where nothing attaches it to the kernel.
 */
import { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';

export const NBD_PORT = 10809;

export interface NbdUri {
  readonly address: Address;
  readonly exportName: string;
}

/** Throws `config` when it is not such a URI. */
export function parseNbdUri(text: string): NbdUri {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const exportName = decodeURIComponent(url?.pathname.replace(/^\//, '') ?? '');
  const socket = url?.searchParams.get('socket');
  if (url?.protocol === 'nbd+unix:' && socket) return { address: `unix:${socket}`, exportName };
  if (url?.protocol === 'nbd:' && url.hostname !== '') {
    return { address: `${url.hostname}:${url.port === '' ? NBD_PORT : url.port}`, exportName };
  }
  throw new EterneError('config', `not an NBD URI: ${JSON.stringify(text)}`, {
    hint: 'write for example nbd+unix:///v0?socket=/run/v0.nbd or nbd://127.0.0.1:10809/v0',
  });
}

export function formatNbdUri({ address, exportName }: NbdUri): string {
  const name = encodeURIComponent(exportName);
  if (address.startsWith('unix:')) return `nbd+unix:///${name}?socket=${encodeURI(address.slice(5))}`;
  return `nbd://${address}/${name}`;
}
