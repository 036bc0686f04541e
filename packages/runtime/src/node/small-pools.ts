/** Of a pool out of which Node.js cuts small buffers; by default 64 KiB. */
const POOL_BYTES = 8 * 1024;

/**
 * A small buffer that stays, as some of every connection do, keeps the whole pool that it was cut from. For processes with many connections that carry
 * little; they take a new pool more often for it.
 */
export function keepPoolsSmall(): void {
  Buffer.poolSize = POOL_BYTES;
}
