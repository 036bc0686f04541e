/** Logout request (RFC 7143 §11.14). `0: I|06  1: 1|reason  16: ITT  20: CID  24: CmdSN  28: ExpStatSN`. */
import { FINAL_BIT, IMMEDIATE_BIT, REQUEST } from '../wire.ts';

export interface LogoutRequest {
  readonly immediate: boolean;
  readonly reason: number;
  readonly initiatorTaskTag: number;
  readonly cid: number;
  readonly cmdSn: number;
  readonly expStatSn: number;
}

export const readLogoutRequest = (from: Buffer): LogoutRequest => ({
  immediate: (from.readUInt8(0) & IMMEDIATE_BIT) !== 0,
  reason: from.readUInt8(1) & ~FINAL_BIT,
  initiatorTaskTag: from.readUInt32BE(16),
  cid: from.readUInt16BE(20),
  cmdSn: from.readUInt32BE(24),
  expStatSn: from.readUInt32BE(28),
});

export function writeLogoutRequest(into: Buffer, at: number, pdu: LogoutRequest): void {
  into.writeUInt8(REQUEST.logout | (pdu.immediate ? IMMEDIATE_BIT : 0), at);
  into.writeUInt8(FINAL_BIT | pdu.reason, at + 1);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt16BE(pdu.cid, at + 20);
  into.writeUInt32BE(pdu.cmdSn, at + 24);
  into.writeUInt32BE(pdu.expStatSn, at + 28);
}
