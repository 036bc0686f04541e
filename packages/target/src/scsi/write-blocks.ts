/**
 * Writes what an initiator sent of a range of blocks. Normally that is all of it; an initiator that announced less than its command
 * asks for may end inside a block, of which the rest stays as it was.
 */
import type { DeviceDone } from '@eterne/runtime';
import type { LogicalUnit } from './logical-unit.ts';
import type { BlockRange } from './range.ts';

export function writeBlocks(
  unit: LogicalUnit,
  range: BlockRange,
  data: Buffer,
  fua: boolean,
  done: DeviceDone,
): void {
  const offset = range.lba * unit.blockBytes;
  const tailBytes = data.length % unit.blockBytes;
  if (data.length === 0) return done(undefined);
  if (tailBytes === 0)
    return unit.change(range, false, (end) => unit.device.write(offset, data, fua, end), done);
  const wholeBytes = data.length - tailBytes;
  const mergeTail = (end: DeviceDone): void =>
    unit.device.read(offset + wholeBytes, unit.blockBytes, (error, last) => {
      if (error !== undefined) return end(error);
      const merged = Buffer.concat([data, last.subarray(tailBytes)]);
      unit.device.write(offset, merged, fua, end);
    });
  unit.change(range, true, mergeTail, done);
}
