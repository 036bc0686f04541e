/** Text response (RFC 7143 §11.11). `0: 24  1: F C  8: LUN  16: ITT  20: TTT  24: StatSN, ExpCmdSN, MaxCmdSN`; data: text keys. */
import { FINAL_BIT, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

const CONTINUE_BIT = 0x40;

export interface TextResponse extends ResponseNumbers {
  readonly final: boolean;
  /** The answer goes on in the next response, which the initiator asks for with `targetTransferTag`. */
  readonly continues: boolean;
  readonly initiatorTaskTag: number;
  readonly targetTransferTag: number;
}

export function readTextResponse(from: Buffer): TextResponse {
  const flags = from.readUInt8(1);
  return {
    final: (flags & FINAL_BIT) !== 0,
    continues: (flags & CONTINUE_BIT) !== 0,
    initiatorTaskTag: from.readUInt32BE(16),
    targetTransferTag: from.readUInt32BE(20),
    ...readNumbers(from),
  };
}

export function writeTextResponse(into: Buffer, at: number, pdu: TextResponse): void {
  into.writeUInt8(RESPONSE.text, at);
  into.writeUInt8((pdu.final ? FINAL_BIT : 0) | (pdu.continues ? CONTINUE_BIT : 0), at + 1);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(pdu.targetTransferTag, at + 20);
  writeNumbers(into, at, pdu);
}
