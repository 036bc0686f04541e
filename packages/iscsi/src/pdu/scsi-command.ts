/**
 * SCSI Command (RFC 7143 §11.3).
 * `0: I|01  1: F R W . . ATTR(3)  8: LUN  16: ITT  20: expected data transfer length  24: CmdSN  28: ExpStatSN  32: CDB (16)`; data: immediate.
 * A CDB longer than 16 bytes continues in an extended-CDB AHS (§11.2.2.3): `u16 length (of what follows), u8 type 1, u8 reserved, bytes`.
 */
import { FINAL_BIT, IMMEDIATE_BIT, REQUEST } from '../wire.ts';
import { BHS_BYTES } from '../limits.ts';

const READ_BIT = 0x40;
const WRITE_BIT = 0x20;
const EXTENDED_CDB = 1;

export interface ScsiCommand {
  readonly immediate: boolean;
  /** No unsolicited Data-Out follows. */
  readonly final: boolean;
  readonly read: boolean;
  readonly write: boolean;
  /** The eight bytes as they came; see `lun.ts`. */
  readonly lun: Buffer;
  readonly initiatorTaskTag: number;
  readonly expectedBytes: number;
  readonly cmdSn: number;
  readonly expStatSn: number;
  readonly cdb: Buffer;
}

/** `from` holds the BHS and all AHS. What is returned owns its bytes. */
export function readScsiCommand(from: Buffer): ScsiCommand {
  const flags = from.readUInt8(1);
  return {
    immediate: (from.readUInt8(0) & IMMEDIATE_BIT) !== 0,
    final: (flags & FINAL_BIT) !== 0,
    read: (flags & READ_BIT) !== 0,
    write: (flags & WRITE_BIT) !== 0,
    lun: Buffer.from(from.subarray(8, 16)),
    initiatorTaskTag: from.readUInt32BE(16),
    expectedBytes: from.readUInt32BE(20),
    cmdSn: from.readUInt32BE(24),
    expStatSn: from.readUInt32BE(28),
    cdb: from.length === BHS_BYTES ? Buffer.from(from.subarray(32, 48)) : longCdb(from),
  };
}

function longCdb(from: Buffer): Buffer {
  const parts = [from.subarray(32, 48)];
  for (let at = BHS_BYTES; at + 4 <= from.length;) {
    const lengthBytes = from.readUInt16BE(at);
    const end = at + 3 + lengthBytes;
    if (from.readUInt8(at + 2) === EXTENDED_CDB && lengthBytes > 1) parts.push(from.subarray(at + 4, end));
    at += Math.ceil((3 + lengthBytes) / 4) * 4;
  }
  return Buffer.concat(parts);
}

/** For CDBs of at most 16 bytes. */
export function writeScsiCommand(into: Buffer, at: number, pdu: ScsiCommand): void {
  into.writeUInt8(REQUEST.scsiCommand | (pdu.immediate ? IMMEDIATE_BIT : 0), at);
  const flags = (pdu.final ? FINAL_BIT : 0) | (pdu.read ? READ_BIT : 0) | (pdu.write ? WRITE_BIT : 0);
  into.writeUInt8(flags, at + 1);
  pdu.lun.copy(into, at + 8);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.expectedBytes, at + 20);
  into.writeUInt32BE(pdu.cmdSn, at + 24);
  into.writeUInt32BE(pdu.expStatSn, at + 28);
  pdu.cdb.copy(into, at + 32);
}
