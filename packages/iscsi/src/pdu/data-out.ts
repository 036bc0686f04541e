/** Data-Out (RFC 7143 §11.7). `0: 05  1: F  8: LUN  16: ITT  20: TTT  28: ExpStatSN  36: DataSN  40: buffer offset`; data. */
import { FINAL_BIT, REQUEST } from '../wire.ts';

export interface DataOut {
  readonly final: boolean;
  readonly initiatorTaskTag: number;
  /** NO_TAG for unsolicited data, else the tag of the R2T. */
  readonly targetTransferTag: number;
  readonly expStatSn: number;
  readonly dataSn: number;
  readonly bufferOffset: number;
}

export const readDataOut = (from: Buffer): DataOut => ({
  final: (from.readUInt8(1) & FINAL_BIT) !== 0,
  initiatorTaskTag: from.readUInt32BE(16),
  targetTransferTag: from.readUInt32BE(20),
  expStatSn: from.readUInt32BE(28),
  dataSn: from.readUInt32BE(36),
  bufferOffset: from.readUInt32BE(40),
});

export function writeDataOut(into: Buffer, at: number, pdu: DataOut): void {
  into.writeUInt8(REQUEST.dataOut, at);
  into.writeUInt8(pdu.final ? FINAL_BIT : 0, at + 1);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.targetTransferTag, at + 20);
  into.writeUInt32BE(pdu.expStatSn, at + 28);
  into.writeUInt32BE(pdu.dataSn, at + 36);
  into.writeUInt32BE(pdu.bufferOffset, at + 40);
}
