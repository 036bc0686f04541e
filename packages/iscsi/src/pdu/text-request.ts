/** Text request (RFC 7143 §11.10). `0: I|04  1: F C  8: LUN  16: ITT  20: TTT  24: CmdSN  28: ExpStatSN`; data: text keys. */
import { FINAL_BIT, IMMEDIATE_BIT, REQUEST } from '../wire.ts';

const CONTINUE_BIT = 0x40;

export interface TextRequest {
  readonly immediate: boolean;
  readonly final: boolean;
  readonly continues: boolean;
  readonly initiatorTaskTag: number;
  /** NO_TAG starts a negotiation; the target's tag asks for the rest of its answer. */
  readonly targetTransferTag: number;
  readonly cmdSn: number;
  readonly expStatSn: number;
}

export function readTextRequest(from: Buffer): TextRequest {
  const flags = from.readUInt8(1);
  return {
    immediate: (from.readUInt8(0) & IMMEDIATE_BIT) !== 0,
    final: (flags & FINAL_BIT) !== 0,
    continues: (flags & CONTINUE_BIT) !== 0,
    initiatorTaskTag: from.readUInt32BE(16),
    targetTransferTag: from.readUInt32BE(20),
    cmdSn: from.readUInt32BE(24),
    expStatSn: from.readUInt32BE(28),
  };
}

export function writeTextRequest(into: Buffer, at: number, pdu: TextRequest): void {
  into.writeUInt8(REQUEST.text | (pdu.immediate ? IMMEDIATE_BIT : 0), at);
  into.writeUInt8((pdu.final ? FINAL_BIT : 0) | (pdu.continues ? CONTINUE_BIT : 0), at + 1);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.targetTransferTag, at + 20);
  into.writeUInt32BE(pdu.cmdSn, at + 24);
  into.writeUInt32BE(pdu.expStatSn, at + 28);
}
