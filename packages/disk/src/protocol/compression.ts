/**
 * Frame bodies as zstd frames (RFC 8878), for thin links. Only the sender decides: a receiver always understands both. Level 1: what it
 * leaves on the table is small against what a faster writer gains.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { EterneError } from '@eterne/base';

/** Smaller ones are mostly header. */
const LEAST_BYTES = 1024;
/** Compressed to more than this share of what it was, a body goes as it is. */
const WORTH_IT = 7 / 8;

/** The body compressed, or undefined where that is not worth it. */
export function compressBody(fixed: Buffer, payload: Buffer): Buffer | undefined {
  const plainBytes = fixed.length + payload.length;
  if (plainBytes < LEAST_BYTES) return undefined;
  const packed = zstdCompressSync(Buffer.concat([fixed, payload], plainBytes), {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
  return packed.length <= plainBytes * WORTH_IT ? packed : undefined;
}

/** Throws `protocol` on anything that is no zstd frame or would become longer than `maxBytes`. */
export function decompressBody(packed: Buffer, maxBytes: number): Buffer {
  try {
    return zstdDecompressSync(packed, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new EterneError('protocol', 'a compressed frame cannot be decompressed', { cause });
  }
}
