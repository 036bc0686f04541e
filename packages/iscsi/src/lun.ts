/** The eight bytes of a LUN field (SAM-5 §4.7): peripheral addressing below 256, flat space addressing up to 16383. */

const PERIPHERAL_METHOD = 0;
const FLAT_METHOD = 1;
const MAX_LUN = 0x3fff;

export function writeLun(into: Buffer, at: number, lun: number): void {
  into.fill(0, at, at + 8);
  into.writeUInt16BE(lun < 256 ? lun : (FLAT_METHOD << 14) | lun, at);
}

/** Undefined when the address is of no kind that a target without hierarchy can have. */
export function readLun(from: Buffer, at: number): number | undefined {
  const first = from.readUInt16BE(at);
  if (from.readUInt16BE(at + 2) !== 0 || from.readUInt32BE(at + 4) !== 0) return undefined;
  const method = first >> 14;
  if (method === FLAT_METHOD) return first & MAX_LUN;
  // Peripheral addressing has a bus number in bits 8 to 13; only bus 0 is this logical unit's own.
  return method === PERIPHERAL_METHOD && first < 256 ? first : undefined;
}
