/** Which file system a device begins with, from its first bytes. Pure. */
import type { FileSystem } from '../report.ts';

/** As much of the device as `detect` looks at. */
export const DETECT_BYTES = 4096;

export interface Detected {
  readonly kind: FileSystem;
  /** Its unit of allocation; 0 when unknown. */
  readonly blockBytes: number;
}

const UNKNOWN: Detected = { kind: 'unknown', blockBytes: 0 };
const MIN_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 64 * 1024;

/** ext: superblock at 1024, magic at 56, block size 2^(10 + n) at 24. XFS: `XFSB`, block size big-endian at 4. NTFS: boot sector. */
export function detect(head: Buffer): Detected {
  if (head.length < DETECT_BYTES) return UNKNOWN;
  if (head.readUInt16LE(1024 + 56) === 0xef53) return sized('ext', 1024 * 2 ** head.readUInt32LE(1024 + 24));
  if (head.toString('latin1', 0, 4) === 'XFSB') return sized('xfs', head.readUInt32BE(4));
  if (head.toString('latin1', 3, 11) === 'NTFS    ')
    return sized('ntfs', head.readUInt16LE(11) * head.readUInt8(13));
  return UNKNOWN;
}

function sized(kind: FileSystem, blockBytes: number): Detected {
  const isSound = blockBytes >= MIN_BLOCK_BYTES && blockBytes <= MAX_BLOCK_BYTES;
  return isSound ? { kind, blockBytes } : UNKNOWN;
}
