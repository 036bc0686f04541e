/** Reject (RFC 7143 §11.17). `0: 3f  1: F  2: reason  16: NO_TAG  24: StatSN, ExpCmdSN, MaxCmdSN  36: DataSN`; data: the header it is about. */
import { FINAL_BIT, NO_TAG, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

export interface Reject extends ResponseNumbers {
  readonly reason: number;
}

export const readReject = (from: Buffer): Reject => ({ reason: from.readUInt8(2), ...readNumbers(from) });

export function writeReject(into: Buffer, at: number, pdu: Reject): void {
  into.writeUInt8(RESPONSE.reject, at);
  into.writeUInt8(FINAL_BIT, at + 1);
  into.writeUInt8(pdu.reason, at + 2);
  into.writeUInt32BE(NO_TAG, at + 16);
  writeNumbers(into, at, pdu);
}
