/**
 * Login request (RFC 7143 §11.12). `0: 1|03  1: T C . . CSG(2) NSG(2)  2: version max, min  8: ISID (6)  14: TSIH  16: ITT  20: CID
 * 24: CmdSN  28: ExpStatSN`; data: text keys.
 */
import { IMMEDIATE_BIT, REQUEST } from '../wire.ts';

const TRANSIT_BIT = 0x80;
const CONTINUE_BIT = 0x40;

export interface LoginRequest {
  readonly transit: boolean;
  readonly continues: boolean;
  readonly currentStage: number;
  readonly nextStage: number;
  readonly versionMin: number;
  readonly isid: Buffer;
  readonly tsih: number;
  readonly initiatorTaskTag: number;
  readonly cid: number;
  readonly cmdSn: number;
  readonly expStatSn: number;
}

export function readLoginRequest(from: Buffer): LoginRequest {
  const flags = from.readUInt8(1);
  return {
    transit: (flags & TRANSIT_BIT) !== 0,
    continues: (flags & CONTINUE_BIT) !== 0,
    currentStage: (flags >> 2) & 3,
    nextStage: flags & 3,
    versionMin: from.readUInt8(3),
    isid: Buffer.from(from.subarray(8, 14)),
    tsih: from.readUInt16BE(14),
    initiatorTaskTag: from.readUInt32BE(16),
    cid: from.readUInt16BE(20),
    cmdSn: from.readUInt32BE(24),
    expStatSn: from.readUInt32BE(28),
  };
}

export function writeLoginRequest(into: Buffer, at: number, pdu: LoginRequest): void {
  into.writeUInt8(REQUEST.login | IMMEDIATE_BIT, at);
  const flags = (pdu.transit ? TRANSIT_BIT : 0) | (pdu.continues ? CONTINUE_BIT : 0);
  into.writeUInt8(flags | (pdu.currentStage << 2) | pdu.nextStage, at + 1);
  into.writeUInt8(pdu.versionMin, at + 3);
  pdu.isid.copy(into, at + 8);
  into.writeUInt16BE(pdu.tsih, at + 14);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt16BE(pdu.cid, at + 20);
  into.writeUInt32BE(pdu.cmdSn, at + 24);
  into.writeUInt32BE(pdu.expStatSn, at + 28);
}
