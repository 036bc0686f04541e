/** "Option replies": `u64 magic, u32 option, u32 type, u32 length, data`. */
import { OPTION_REPLY, OPTION_REPLY_MAGIC } from '../wire.ts';

const HEADER_BYTES = 20;

export function optionReply(option: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const reply = Buffer.alloc(HEADER_BYTES + data.length);
  OPTION_REPLY_MAGIC.copy(reply, 0);
  reply.writeUInt32BE(option, 8);
  reply.writeUInt32BE(type, 12);
  reply.writeUInt32BE(data.length, 16);
  data.copy(reply, HEADER_BYTES);
  return reply;
}

export function ack(option: number): Buffer {
  return optionReply(option, OPTION_REPLY.ack);
}

/** An error reply carries a sentence for the client's user. */
export function optionError(
  option: number,
  type: (typeof OPTION_REPLY)[
    'errorUnsupported' | 'errorPolicy' | 'errorInvalid' | 'errorTlsRequired' | 'errorUnknown'],
  message: string,
): Buffer {
  return optionReply(option, type, Buffer.from(message));
}
