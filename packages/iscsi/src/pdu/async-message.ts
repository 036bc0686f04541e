/**
 * Asynchronous message (RFC 7143 §11.9). `0: 32  1: F  8: LUN  16: NO_TAG  24: StatSN, ExpCmdSN, MaxCmdSN  36: event, vendor code
 * 38: parameters 1 to 3 (u16 each)`.
 */
import { FINAL_BIT, NO_TAG, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

export interface AsyncMessage extends ResponseNumbers {
  /** `ASYNC_EVENT`. */
  readonly event: number;
  readonly parameters: readonly [number, number, number];
}

export const readAsyncMessage = (from: Buffer): AsyncMessage => ({
  event: from.readUInt8(36),
  parameters: [from.readUInt16BE(38), from.readUInt16BE(40), from.readUInt16BE(42)],
  ...readNumbers(from),
});

export function writeAsyncMessage(into: Buffer, at: number, pdu: AsyncMessage): void {
  into.writeUInt8(RESPONSE.asyncMessage, at);
  into.writeUInt8(FINAL_BIT, at + 1);
  into.writeUInt32BE(NO_TAG, at + 16);
  writeNumbers(into, at, pdu);
  into.writeUInt8(pdu.event, at + 36);
  pdu.parameters.forEach((parameter, index) => into.writeUInt16BE(parameter, at + 38 + 2 * index));
}
