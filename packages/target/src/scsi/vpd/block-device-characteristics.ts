/** Page B1h (SBC-3 §6.6.2). */
import type { LogicalUnit } from '../logical-unit.ts';

const BODY_BYTES = 0x3c;
const NON_ROTATING = 1;
/** WABEREQ 01b: after a block erase blocks read as zeroes, without an error. */
const WABEREQ_WITHOUT_ERROR = 0x40;

export function blockDeviceCharacteristics(unit: LogicalUnit): Buffer {
  const page = Buffer.alloc(4 + BODY_BYTES);
  page.writeUInt16BE(NON_ROTATING, 4);
  page.writeUInt8(unit.sanitizer?.offersErase === true ? WABEREQ_WITHOUT_ERROR : 0, 7);
  return page.subarray(4);
}
