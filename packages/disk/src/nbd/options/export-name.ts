/**
 * "NBD_OPT_EXPORT_NAME": the data is the name; the answer has no option header, and an unknown name can only be
 * answered by closing the connection.
 * ```
 *   u64 size, u16 transmission flags, [124 zero bytes]
 * ```
 */
import type { BlockDevice } from '@eterne/runtime';
import { transmissionFlags } from '../export.ts';
import { EXPORT_NAME_PADDING_BYTES } from '../wire.ts';

export function exportNameAnswer(device: BlockDevice, structuredReplies: boolean, noZeroes: boolean): Buffer {
  const answer = Buffer.alloc(10 + (noZeroes ? 0 : EXPORT_NAME_PADDING_BYTES));
  answer.writeBigUInt64BE(BigInt(device.sizeBytes), 0);
  answer.writeUInt16BE(transmissionFlags(device, structuredReplies), 8);
  return answer;
}
