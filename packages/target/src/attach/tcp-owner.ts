/** Whose a TCP connection within this machine is, by proc_net_tcp(5). */
import { EterneError } from '@eterne/base';
import type { Address, Files } from '@eterne/runtime';

const UID_COLUMN = 7;

/** The user at the other end, `peer` (an IPv4 address), of a connection to `here`. Undefined: there is no such connection any more. */
export function ownerOfPeer(
  files: Files,
  peer: Address,
  here: Address,
  done: (uid: number | undefined) => void,
): void {
  files.readFile('/proc/self/net/tcp', (content) => {
    if (content === undefined || content instanceof EterneError) return done(undefined);
    const [local, remote] = [hexOf(peer), hexOf(here)];
    const row = content
      .toString('latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find((columns) => columns[1] === local && columns[2] === remote);
    done(row === undefined ? undefined : Number(row[UID_COLUMN]));
  });
}

/** As the kernel prints it: the address as a number of this machine's byte order, then the port. */
function hexOf(address: Address): string {
  const [host = '', port = ''] = address.split(':');
  const bytes = Buffer.from(host.split('.').map(Number)).reverse();
  return `${bytes.toString('hex')}:${Number(port).toString(16).padStart(4, '0')}`.toUpperCase();
}
