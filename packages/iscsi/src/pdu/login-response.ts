/**
 * Login response (RFC 7143 §11.13). `0: 23  1: T C . . CSG(2) NSG(2)  2: version max, active  8: ISID (6)  14: TSIH  16: ITT
 * 24: StatSN, ExpCmdSN, MaxCmdSN  36: status class, detail`; data: text keys. Version 0 is the only one.
 */
import { RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

const TRANSIT_BIT = 0x80;
const CONTINUE_BIT = 0x40;

export interface LoginResponse extends ResponseNumbers {
  readonly transit: boolean;
  readonly continues: boolean;
  readonly currentStage: number;
  readonly nextStage: number;
  readonly isid: Buffer;
  readonly tsih: number;
  readonly initiatorTaskTag: number;
  /** `LOGIN_STATUS`. */
  readonly status: number;
}

export function readLoginResponse(from: Buffer): LoginResponse {
  const flags = from.readUInt8(1);
  return {
    transit: (flags & TRANSIT_BIT) !== 0,
    continues: (flags & CONTINUE_BIT) !== 0,
    currentStage: (flags >> 2) & 3,
    nextStage: flags & 3,
    isid: Buffer.from(from.subarray(8, 14)),
    tsih: from.readUInt16BE(14),
    initiatorTaskTag: from.readUInt32BE(16),
    ...readNumbers(from),
    status: from.readUInt16BE(36),
  };
}

export function writeLoginResponse(into: Buffer, at: number, pdu: LoginResponse): void {
  into.writeUInt8(RESPONSE.login, at);
  const flags = (pdu.transit ? TRANSIT_BIT : 0) | (pdu.continues ? CONTINUE_BIT : 0);
  into.writeUInt8(flags | (pdu.currentStage << 2) | pdu.nextStage, at + 1);
  pdu.isid.copy(into, at + 8);
  into.writeUInt16BE(pdu.tsih, at + 14);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  writeNumbers(into, at, pdu);
  into.writeUInt16BE(pdu.status, at + 36);
}
