/** GET LBA STATUS: SBC-3 §5.4. Reply: `u32 data length, 4 reserved, descriptors of u64 LBA, u32 blocks, u8 status, 3 reserved`. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { readLba, writeLba } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const HEADER_BYTES = 8;
const DESCRIPTOR_BYTES = 16;
const MAPPED = 0;
const DEALLOCATED = 1;
const U32_MAX = 0xffff_ffff;

function getLbaStatus(request: ScsiRequest, unit: LogicalUnit): void {
  const lba = readLba(request.cdb, 2);
  const allocationBytes = request.cdb.readUInt32BE(10);
  if (lba >= unit.blocks) return request.check(SENSE.outOfRange);
  const start = lba * unit.blockBytes;
  const { device } = unit;
  if (device.nextExtent === undefined)
    return answer(request, lba, unit.blocks - lba, MAPPED, allocationBytes);
  device.nextExtent(start, (error, extent) => {
    if (error !== undefined) return request.check(senseOf(error, 'read'));
    // A block that is allocated in part is mapped.
    const blocks = extent.allocated
      ? Math.ceil(extent.lengthBytes / unit.blockBytes)
      : Math.floor(extent.lengthBytes / unit.blockBytes);
    const mapped = extent.allocated || blocks === 0;
    answer(
      request,
      lba,
      Math.min(Math.max(blocks, 1), unit.blocks - lba),
      mapped ? MAPPED : DEALLOCATED,
      allocationBytes,
    );
  });
}

/** One descriptor; the initiator asks again for what comes after it. */
function answer(
  request: ScsiRequest,
  lba: number,
  blocks: number,
  status: number,
  allocationBytes: number,
): void {
  const data = Buffer.alloc(HEADER_BYTES + DESCRIPTOR_BYTES);
  data.writeUInt32BE(data.length - 4, 0);
  writeLba(data, HEADER_BYTES, lba);
  data.writeUInt32BE(Math.min(blocks, U32_MAX), HEADER_BYTES + 8);
  data.writeUInt8(status, HEADER_BYTES + 12);
  request.good(data.subarray(0, allocationBytes));
}

export const GET_LBA_STATUS: Command = {
  name: 'GET LBA STATUS',
  opcode: 0x9e,
  serviceAction: 0x12,
  usage: '9e 12 ffffffffffffffff ffffffff 00 00',
  reservation: 'reads',
  medium: true,
  run: getLbaStatus,
};
