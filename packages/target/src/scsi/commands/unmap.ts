/**
 * UNMAP: SBC-3 §5.28. Parameter list: `u16 data length (of what follows), u16 descriptors' length, 4 reserved, descriptors of
 * u64 LBA, u32 blocks, 4 reserved`. The blocks read as zeroes afterwards (LBPRZ = 1).
 */
import { SENSE } from '@eterne/iscsi';
import { inPieces } from '@eterne/runtime';
import { MAX_RANGE_BYTES, MAX_UNMAP_BLOCKS, MAX_UNMAP_DESCRIPTORS } from '../../limits.ts';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { rangeError, readLba, type BlockRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const HEADER_BYTES = 8;
const DESCRIPTOR_BYTES = 16;

function unmap(request: ScsiRequest, unit: LogicalUnit): void {
  const listBytes = request.cdb.readUInt16BE(7);
  if (listBytes === 0) return request.good();
  request.receive(listBytes, (list) => {
    if (listBytes < HEADER_BYTES) return request.check(SENSE.parameterListLength);
    const ranges = descriptors(list);
    if (ranges.length > MAX_UNMAP_DESCRIPTORS || totalBlocks(ranges) > MAX_UNMAP_BLOCKS)
      return request.check(SENSE.invalidFieldInParameterList);
    // All or nothing: a bad descriptor must not leave the ones before it unmapped.
    const error = ranges.map((range) => rangeError(range, unit)).find((found) => found !== undefined);
    if (error !== undefined) return request.check(error);
    unmapNext(request, unit, ranges, 0);
  });
}

/** "UNMAP BLOCK DESCRIPTOR DATA LENGTH … not a multiple of 16: the last unmap block descriptor is incomplete and shall be ignored". */
function descriptors(list: Buffer): readonly BlockRange[] {
  const bytes = Math.min(list.readUInt16BE(2), list.length - HEADER_BYTES);
  return Array.from({ length: Math.floor(bytes / DESCRIPTOR_BYTES) }, (_, index) => {
    const at = HEADER_BYTES + index * DESCRIPTOR_BYTES;
    return { lba: readLba(list, at), blocks: list.readUInt32BE(at + 8) };
  });
}

const totalBlocks = (ranges: readonly BlockRange[]): number =>
  ranges.reduce((sum, { blocks }) => sum + blocks, 0);

function unmapNext(
  request: ScsiRequest,
  unit: LogicalUnit,
  ranges: readonly BlockRange[],
  index: number,
): void {
  const range = ranges[index];
  if (range === undefined) return request.good();
  const start = range.lba * unit.blockBytes;
  const end = start + range.blocks * unit.blockBytes;
  unit.change(
    range,
    false,
    (done) =>
      inPieces(
        start,
        end,
        MAX_RANGE_BYTES,
        (at, length, next) => unit.device.writeZeroes(at, length, true, false, next),
        done,
      ),
    (error) =>
      error === undefined
        ? unmapNext(request, unit, ranges, index + 1)
        : request.check(senseOf(error, 'write')),
  );
}

export const UNMAP: Command = {
  name: 'UNMAP',
  opcode: 0x42,
  usage: '42 00 00000000 1f ffff 00',
  reservation: 'changes',
  medium: true,
  changes: true,
  offered: (unit) => unit.attributes.thin,
  run: unmap,
};
