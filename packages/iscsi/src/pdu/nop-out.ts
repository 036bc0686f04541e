/**
 * NOP-Out (RFC 7143 §11.18). `0: I|00  1: F  8: LUN  16: ITT  20: TTT  24: CmdSN  28: ExpStatSN`; data: ping.
 * ITT = NO_TAG answers a NOP-In or just carries numbers; else a NOP-In is due.
 */
import { FINAL_BIT, IMMEDIATE_BIT, REQUEST } from '../wire.ts';

export interface NopOut {
  readonly immediate: boolean;
  readonly initiatorTaskTag: number;
  readonly targetTransferTag: number;
  readonly cmdSn: number;
  readonly expStatSn: number;
}

export const readNopOut = (from: Buffer): NopOut => ({
  immediate: (from.readUInt8(0) & IMMEDIATE_BIT) !== 0,
  initiatorTaskTag: from.readUInt32BE(16),
  targetTransferTag: from.readUInt32BE(20),
  cmdSn: from.readUInt32BE(24),
  expStatSn: from.readUInt32BE(28),
});

export function writeNopOut(into: Buffer, at: number, pdu: NopOut): void {
  into.writeUInt8(REQUEST.nopOut | (pdu.immediate ? IMMEDIATE_BIT : 0), at);
  into.writeUInt8(FINAL_BIT, at + 1);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.targetTransferTag, at + 20);
  into.writeUInt32BE(pdu.cmdSn, at + 24);
  into.writeUInt32BE(pdu.expStatSn, at + 28);
}
