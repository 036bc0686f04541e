/**
 * WRITE ATOMIC (16): SBC-4 §5.48, its model §4.29. A power loss leaves all of it or nothing, and no other command sees a part of it. ATOMIC BOUNDARY must be zero:
 * one atomic operation for the whole command, as MAXIMUM ATOMIC BOUNDARY SIZE zero says.
 */
import { SENSE } from '@eterne/iscsi';
import { MAX_ATOMIC_BYTES, PHYSICAL_BLOCK_BYTES } from '../../limits.ts';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { rangeError, readLba } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

function writeAtomic(request: ScsiRequest, unit: LogicalUnit): void {
  const { atomic } = unit.attributes;
  if (atomic === undefined) return request.check(SENSE.invalidOperationCode);
  const range = { lba: readLba(request.cdb, 2), blocks: request.cdb.readUInt16BE(12) };
  const error = rangeError(range, unit);
  if (error !== undefined) return request.check(error);
  const offset = range.lba * unit.blockBytes;
  const lengthBytes = range.blocks * unit.blockBytes;
  const aligned = offset % PHYSICAL_BLOCK_BYTES === 0 && lengthBytes % PHYSICAL_BLOCK_BYTES === 0;
  if (!aligned || lengthBytes > MAX_ATOMIC_BYTES) return request.check(SENSE.invalidFieldInCdb);
  request.receive(lengthBytes, (data) => {
    if (lengthBytes === 0) return request.good();
    unit.change(
      range,
      true,
      (done) => atomic.write(offset, data, done),
      (failure) => (failure === undefined ? request.good() : request.check(senseOf(failure, 'write'))),
    );
  });
}

export const WRITE_ATOMIC: Command = {
  name: 'WRITE ATOMIC (16)',
  opcode: 0x9c,
  // DPO and FUA are taken: it is durable anyway.
  usage: '9c 18 ffffffffffffffff 0000 ffff 1f 00',
  reservation: 'changes',
  medium: true,
  changes: true,
  offered: (unit) => unit.attributes.atomic !== undefined,
  run: writeAtomic,
};
