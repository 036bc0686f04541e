/** WRITE SAME (10), (16): SBC-3 §5.43, §5.44. One block for the whole range; with UNMAP and zeroes the range may be given back instead. */
import { MIB } from '@eterne/base';
import { SENSE } from '@eterne/iscsi';
import { inPieces, type DeviceDone } from '@eterne/runtime';
import { MAX_RANGE_BYTES, MAX_WRITE_SAME_BLOCKS } from '../../limits.ts';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { rangeError, rangeOf, type BlockRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const UNMAP_BIT = 0x08;
/** "NDOB (no data-out buffer)": the block is all zeroes and is not sent. WRITE SAME (16) only. */
const NDOB_BIT = 0x01;
const WRITE_SAME_16 = 0x93;
const CHUNK_BYTES = 1 * MIB;

function writeSame(request: ScsiRequest, unit: LogicalUnit): void {
  const { cdb } = request;
  const range = rangeOf(cdb);
  const flags = cdb.readUInt8(1);
  const unmap = (flags & UNMAP_BIT) !== 0;
  if (unmap && !unit.attributes.thin)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } });
  // WSNZ = 1 and MAXIMUM WRITE SAME LENGTH in the Block Limits page say both.
  if (range.blocks === 0 || range.blocks > MAX_WRITE_SAME_BLOCKS)
    return request.check(SENSE.invalidFieldInCdb);
  const error = rangeError(range, unit);
  if (error !== undefined) return request.check(error);
  const noData = cdb.readUInt8(0) === WRITE_SAME_16 && (flags & NDOB_BIT) !== 0;
  request.receive(noData ? 0 : unit.blockBytes, (block) =>
    fill(request, unit, range, noData ? Buffer.alloc(unit.blockBytes) : block, unmap),
  );
}

function fill(
  request: ScsiRequest,
  unit: LogicalUnit,
  range: BlockRange,
  block: Buffer,
  unmap: boolean,
): void {
  const start = range.lba * unit.blockBytes;
  const end = start + range.blocks * unit.blockBytes;
  const step = (done: DeviceDone): void =>
    block.every((byte) => byte === 0)
      ? inPieces(
          start,
          end,
          MAX_RANGE_BYTES,
          (at, length, next) => unit.device.writeZeroes(at, length, unmap, false, next),
          done,
        )
      : repeat(unit, start, end, block, done);
  unit.change(range, false, step, (error) =>
    error === undefined ? request.good() : request.check(senseOf(error, 'write')),
  );
}

/** A new buffer for each piece: the device owns the one before. */
function repeat(unit: LogicalUnit, start: number, end: number, block: Buffer, done: DeviceDone): void {
  inPieces(
    start,
    end,
    CHUNK_BYTES,
    (at, length, next) =>
      unit.device.write(at, Buffer.alloc(length, block), false, (error) => unit.rest(() => next(error))),
    done,
  );
}

const common = { reservation: 'changes', medium: true, changes: true, run: writeSame } as const;

export const WRITE_SAME_COMMANDS: readonly Command[] = [
  { name: 'WRITE SAME (10)', opcode: 0x41, usage: '41 08 ffffffff 1f ffff 00', ...common },
  {
    name: 'WRITE SAME (16)',
    opcode: WRITE_SAME_16,
    usage: '93 09 ffffffffffffffff ffffffff 1f 00',
    ...common,
  },
];
