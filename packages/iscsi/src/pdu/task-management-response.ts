/** Task management function response (RFC 7143 §11.6). `0: 22  1: F  2: response  16: ITT  24: StatSN, ExpCmdSN, MaxCmdSN`. */
import { FINAL_BIT, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

export interface TaskManagementResponse extends ResponseNumbers {
  readonly response: number;
  readonly initiatorTaskTag: number;
}

export const readTaskManagementResponse = (from: Buffer): TaskManagementResponse => ({
  response: from.readUInt8(2),
  initiatorTaskTag: from.readUInt32BE(16),
  ...readNumbers(from),
});

export function writeTaskManagementResponse(into: Buffer, at: number, pdu: TaskManagementResponse): void {
  into.writeUInt8(RESPONSE.taskManagement, at);
  into.writeUInt8(FINAL_BIT, at + 1);
  into.writeUInt8(pdu.response, at + 2);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  writeNumbers(into, at, pdu);
}
