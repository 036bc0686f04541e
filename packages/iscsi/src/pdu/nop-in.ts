/** NOP-In (RFC 7143 §11.19). `0: 20  1: F  8: LUN  16: ITT  20: TTT  24: StatSN, ExpCmdSN, MaxCmdSN`; data: the ping's, returned. */
import { FINAL_BIT, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

export interface NopIn extends ResponseNumbers {
  readonly initiatorTaskTag: number;
  readonly targetTransferTag: number;
}

export const readNopIn = (from: Buffer): NopIn => ({
  initiatorTaskTag: from.readUInt32BE(16),
  targetTransferTag: from.readUInt32BE(20),
  ...readNumbers(from),
});

export function writeNopIn(into: Buffer, at: number, pdu: NopIn): void {
  into.writeUInt8(RESPONSE.nopIn, at);
  into.writeUInt8(FINAL_BIT, at + 1);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.targetTransferTag, at + 20);
  writeNumbers(into, at, pdu);
}
