/**
 * Who a logical unit is, to initiators with several paths to it: the same bytes on every node that serves it, so they are derived
 * from what all nodes know, never from the machine.
 */
import { createHash } from 'node:crypto';

export const VENDOR = 'ETERNE';
export const PRODUCT = 'Virtual Disk';
export const REVISION = '0001';

export interface Identity {
  readonly serial: string;
  /** NAA locally assigned (type 3) identifier, 8 bytes (SPC-4 §7.8.6.6.3). */
  readonly naa: Buffer;
}

const NAA_LOCALLY_ASSIGNED = 0x30;

/** From whatever names the unit for good: target name and serial of a plain LUN, name and UUID of a volume. */
export function identityFrom(seed: string, serial?: string): Identity {
  const digest = createHash('sha256').update(seed, 'utf8').digest();
  const naa = Buffer.from(digest.subarray(0, 8));
  naa.writeUInt8(NAA_LOCALLY_ASSIGNED | (naa.readUInt8(0) & 0x0f), 0);
  return { serial: serial ?? digest.toString('hex', 8, 18), naa };
}
