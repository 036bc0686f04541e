import type { BlockNumber } from '@eterne/base';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { Range } from '../../protocol/messages/resync.ts';

/** What is left of a range without the blocks that are undefined. */
export function definedRuns(range: Range, undefinedBlocks: DirtyBitmap): readonly Range[] {
  const { lengthBytes, offset } = range;
  if (undefinedBlocks.dirtyBlocks === 0 || !undefinedBlocks.anyDirty(offset, lengthBytes)) return [range];
  const end = offset + lengthBytes;
  const runs: { offset: number; lengthBytes: number }[] = [];
  for (let at = offset; at < end;) {
    const stop = Math.min(end, at + BLOCK_BYTES - (at % BLOCK_BYTES));
    if (!undefinedBlocks.isDirty(Math.floor(at / BLOCK_BYTES) as BlockNumber)) {
      const last = runs.at(-1);
      if (last !== undefined && last.offset + last.lengthBytes === at) last.lengthBytes += stop - at;
      else runs.push({ offset: at, lengthBytes: stop - at });
    }
    at = stop;
  }
  return runs;
}
