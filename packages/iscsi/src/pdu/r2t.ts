/**
 * Ready to Transfer (RFC 7143 §11.8). `0: 31  1: F  8: LUN  16: ITT  20: TTT  24: StatSN, ExpCmdSN, MaxCmdSN  36: R2TSN  40: buffer offset
 * 44: desired length`. Its StatSN is the next one and is not used up.
 */
import { FINAL_BIT, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

export interface ReadyToTransfer extends ResponseNumbers {
  readonly lun: Buffer;
  readonly initiatorTaskTag: number;
  readonly targetTransferTag: number;
  readonly r2tSn: number;
  readonly bufferOffset: number;
  readonly desiredBytes: number;
}

export const readReadyToTransfer = (from: Buffer): ReadyToTransfer => ({
  lun: Buffer.from(from.subarray(8, 16)),
  initiatorTaskTag: from.readUInt32BE(16),
  targetTransferTag: from.readUInt32BE(20),
  ...readNumbers(from),
  r2tSn: from.readUInt32BE(36),
  bufferOffset: from.readUInt32BE(40),
  desiredBytes: from.readUInt32BE(44),
});

export function writeReadyToTransfer(into: Buffer, at: number, pdu: ReadyToTransfer): void {
  into.writeUInt8(RESPONSE.r2t, at);
  into.writeUInt8(FINAL_BIT, at + 1);
  pdu.lun.copy(into, at + 8);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.targetTransferTag, at + 20);
  writeNumbers(into, at, pdu);
  into.writeUInt32BE(pdu.r2tSn, at + 36);
  into.writeUInt32BE(pdu.bufferOffset, at + 40);
  into.writeUInt32BE(pdu.desiredBytes, at + 44);
}
