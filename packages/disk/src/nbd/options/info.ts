/**
 * "NBD_OPT_INFO and NBD_OPT_GO": `u32 name length, name, u16 count, u16 information type × count`. Both answer with the
 * same INFO replies and an ACK; after GO's ACK the transmission phase begins.
 */
import type { ExportCatalog } from '../export.ts';
import { transmissionFlags } from '../export.ts';
import { MAX_TRANSFER_BYTES, MINIMUM_BLOCK_BYTES, PREFERRED_BLOCK_BYTES } from '../limits.ts';
import { INFO, OPTION_REPLY } from '../wire.ts';
import type { BlockDevice } from '@eterne/runtime';
import { OptionFields } from './fields.ts';
import { ack, optionError, optionReply } from './reply.ts';

export interface InfoAnswer {
  readonly send: readonly Buffer[];
  /** Set when the answer ends with an ACK. */
  readonly opened?: { readonly name: string; readonly device: BlockDevice };
}

export function answerInfo(
  option: number,
  data: Buffer,
  exports: ExportCatalog,
  structuredReplies: boolean,
): InfoAnswer {
  const fields = new OptionFields(data);
  const name = fields.string();
  const wanted = fields.repeat(fields.u16(), 2, () => fields.u16());
  if (!fields.complete) return refuse(option, OPTION_REPLY.errorInvalid, 'malformed option');
  const found = exports.find(name);
  if (found.kind === 'unknown')
    return refuse(option, OPTION_REPLY.errorUnknown, `no export ${JSON.stringify(name)}`);
  if (found.kind === 'withheld') return refuse(option, OPTION_REPLY.errorPolicy, found.reason);
  const { device } = found;
  const send = [optionReply(option, OPTION_REPLY.info, exportInfo(device, structuredReplies))];
  if (wanted.includes(INFO.name)) send.push(optionReply(option, OPTION_REPLY.info, nameInfo(device.name)));
  if (wanted.includes(INFO.blockSize)) send.push(optionReply(option, OPTION_REPLY.info, blockSizeInfo()));
  send.push(ack(option));
  return { send, opened: { name, device } };
}

function refuse(option: number, type: Parameters<typeof optionError>[1], message: string): InfoAnswer {
  return { send: [optionError(option, type, message)] };
}

/** NBD_INFO_EXPORT: `u16 type, u64 size, u16 transmission flags`. */
function exportInfo(device: BlockDevice, structuredReplies: boolean): Buffer {
  const info = Buffer.alloc(12);
  info.writeUInt16BE(INFO.export, 0);
  info.writeBigUInt64BE(BigInt(device.sizeBytes), 2);
  info.writeUInt16BE(transmissionFlags(device, structuredReplies), 10);
  return info;
}

/** NBD_INFO_NAME: `u16 type, name` — the canonical one, of use to a client that asked for the default export. */
function nameInfo(name: string): Buffer {
  const type = Buffer.alloc(2);
  type.writeUInt16BE(INFO.name, 0);
  return Buffer.concat([type, Buffer.from(name)]);
}

/** NBD_INFO_BLOCK_SIZE: `u16 type, u32 minimum, u32 preferred, u32 maximum payload`. */
function blockSizeInfo(): Buffer {
  const info = Buffer.alloc(14);
  info.writeUInt16BE(INFO.blockSize, 0);
  info.writeUInt32BE(MINIMUM_BLOCK_BYTES, 2);
  info.writeUInt32BE(PREFERRED_BLOCK_BYTES, 6);
  info.writeUInt32BE(MAX_TRANSFER_BYTES, 10);
  return info;
}
