/**
 * Task management function request (RFC 7143 §11.5). `0: I|02  1: 1|function  8: LUN  16: ITT  20: referenced task tag  24: CmdSN
 * 28: ExpStatSN  32: RefCmdSN  36: ExpDataSN`.
 */
import { FINAL_BIT, IMMEDIATE_BIT, REQUEST } from '../wire.ts';

export interface TaskManagementRequest {
  readonly immediate: boolean;
  readonly function: number;
  readonly lun: Buffer;
  readonly initiatorTaskTag: number;
  readonly referencedTaskTag: number;
  readonly cmdSn: number;
  readonly expStatSn: number;
  readonly refCmdSn: number;
}

export const readTaskManagementRequest = (from: Buffer): TaskManagementRequest => ({
  immediate: (from.readUInt8(0) & IMMEDIATE_BIT) !== 0,
  function: from.readUInt8(1) & ~FINAL_BIT,
  lun: Buffer.from(from.subarray(8, 16)),
  initiatorTaskTag: from.readUInt32BE(16),
  referencedTaskTag: from.readUInt32BE(20),
  cmdSn: from.readUInt32BE(24),
  expStatSn: from.readUInt32BE(28),
  refCmdSn: from.readUInt32BE(32),
});

export function writeTaskManagementRequest(into: Buffer, at: number, pdu: TaskManagementRequest): void {
  into.writeUInt8(REQUEST.taskManagement | (pdu.immediate ? IMMEDIATE_BIT : 0), at);
  into.writeUInt8(FINAL_BIT | pdu.function, at + 1);
  pdu.lun.copy(into, at + 8);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.referencedTaskTag, at + 20);
  into.writeUInt32BE(pdu.cmdSn, at + 24);
  into.writeUInt32BE(pdu.expStatSn, at + 28);
  into.writeUInt32BE(pdu.refCmdSn, at + 32);
}
