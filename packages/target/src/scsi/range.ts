/** Logical block ranges in CDBs, the same for all commands of one length (SBC-3 §5). */
import { SENSE, type Sense } from '@eterne/iscsi';
import { MAX_TRANSFER_BYTES } from '../limits.ts';
import type { LogicalUnit } from './logical-unit.ts';
import type { ScsiRequest } from './scsi-request.ts';

export interface BlockRange {
  /** First logical block. Beyond 2^53 not exact, but then past the end of every medium, which is all that is asked of it. */
  readonly lba: number;
  readonly blocks: number;
}

const U32 = 0x1_0000_0000;

/** LBA and length of a 6-, 10-, 12- or 16-byte CDB, told by the opcode's group. */
export function rangeOf(cdb: Buffer): BlockRange {
  switch (cdb.readUInt8(0) >> 5) {
    case 0:
      // "A TRANSFER LENGTH field set to zero specifies that 256 logical blocks" (SBC-2 §5.5, READ (6)).
      return { lba: cdb.readUIntBE(1, 3) & 0x1f_ffff, blocks: cdb.readUInt8(4) || 256 };
    case 1:
    case 2:
      return { lba: cdb.readUInt32BE(2), blocks: cdb.readUInt16BE(7) };
    case 5:
      return { lba: cdb.readUInt32BE(2), blocks: cdb.readUInt32BE(6) };
    default:
      return { lba: readLba(cdb, 2), blocks: cdb.readUInt32BE(10) };
  }
}

export const readLba = (from: Buffer, at: number): number =>
  from.readUInt32BE(at) * U32 + from.readUInt32BE(at + 4);

export function writeLba(into: Buffer, at: number, lba: number): void {
  into.writeUInt32BE(Math.floor(lba / U32), at);
  into.writeUInt32BE(lba % U32, at + 4);
}

/** Undefined when the range is on the medium. */
export function rangeError(range: BlockRange, unit: LogicalUnit): Sense | undefined {
  return range.lba + range.blocks > unit.blocks ? SENSE.outOfRange : undefined;
}

/** The range of a command that transfers it, or undefined when the command has been refused. */
export function transferRange(request: ScsiRequest, unit: LogicalUnit): BlockRange | undefined {
  const range = rangeOf(request.cdb);
  const error =
    rangeError(range, unit) ??
    (range.blocks * unit.blockBytes > MAX_TRANSFER_BYTES ? SENSE.invalidFieldInCdb : undefined);
  if (error === undefined) return range;
  request.check(error);
  return undefined;
}
