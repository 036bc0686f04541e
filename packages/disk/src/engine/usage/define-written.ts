import { BLOCK_BYTES, type VolumeMetadata } from '../../metadata/index.ts';

/**
 * Blocks that are written whole are defined from now on. One that is written in part stays undefined: the rest of it was in no file
 * system's use, and is not known here.
 */
export function defineWritten(metadata: VolumeMetadata, offset: number, lengthBytes: number): void {
  const { sizeBytes, undefinedBlocks } = metadata;
  if (undefinedBlocks.dirtyBlocks === 0) return;
  const end = offset + lengthBytes;
  const first = Math.ceil(offset / BLOCK_BYTES) * BLOCK_BYTES;
  const last = end >= sizeBytes ? sizeBytes : end - (end % BLOCK_BYTES);
  if (first < last) undefinedBlocks.clear(first, last - first);
}
