/** Logout response (RFC 7143 §11.15). `0: 26  1: F  2: response  16: ITT  24: StatSN, ExpCmdSN, MaxCmdSN  40: Time2Wait, Time2Retain`. */
import { FINAL_BIT, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

export interface LogoutResponse extends ResponseNumbers {
  readonly response: number;
  readonly initiatorTaskTag: number;
}

export const readLogoutResponse = (from: Buffer): LogoutResponse => ({
  response: from.readUInt8(2),
  initiatorTaskTag: from.readUInt32BE(16),
  ...readNumbers(from),
});

/** Time2Wait and Time2Retain stay 0: nothing is kept of a session that has ended. */
export function writeLogoutResponse(into: Buffer, at: number, pdu: LogoutResponse): void {
  into.writeUInt8(RESPONSE.logout, at);
  into.writeUInt8(FINAL_BIT, at + 1);
  into.writeUInt8(pdu.response, at + 2);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  writeNumbers(into, at, pdu);
}
