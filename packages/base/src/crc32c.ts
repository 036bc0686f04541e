import { createRequire } from 'node:module';

interface NativeCrc32 {
  crc32c(bytes: Uint8Array, seed?: number): number;
}

/** For less the way into native code costs more than the sum itself. */
const NATIVE_FROM_BYTES = 65;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  return sum;
});

let loaded: NativeCrc32 | undefined;
const native = (): NativeCrc32 => (loaded ??= load());

/** Its allocator (mimalloc) takes 2 MiB at once where huge pages may be had; it asks the environment when it is loaded, which is not before it is needed. */
function load(): NativeCrc32 {
  const { env } = process;
  const before = env['MIMALLOC_ALLOW_THP'];
  env['MIMALLOC_ALLOW_THP'] ??= '0';
  const library = createRequire(import.meta.url)('@node-rs/crc32') as NativeCrc32;
  if (before === undefined) delete env['MIMALLOC_ALLOW_THP'];
  return library;
}

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, continuing from `seed`. Unsigned 32-bit. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  return native().crc32c(bytes, seed);
}

/** The same of bytes `from` to `to` (exclusive) of `bytes`; the quicker one for headers. */
export function crc32cOf(bytes: Uint8Array, from: number, to: number): number {
  if (to - from >= NATIVE_FROM_BYTES) return native().crc32c(bytes.subarray(from, to));
  let sum = -1;
  for (let at = from; at < to; at += 1)
    sum = (TABLE[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8);
  return ~sum >>> 0;
}
