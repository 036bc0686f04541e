/**
 * SANITIZE: SBC-3 §5.22. BLOCK ERASE gives every block back and makes that durable; afterwards the medium reads as zeroes. OVERWRITE and CRYPTOGRAPHIC ERASE are
 * not offered: neither would reach the blocks that a file system or a flash disk underneath keeps of older data.
 */
import { inPieces, type DeviceDone, type DeviceErrorCode } from '@eterne/runtime';
import { SENSE } from '@eterne/iscsi';
import { MAX_RANGE_BYTES } from '../../limits.ts';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const IMMED_BIT = 0x80;

function blockErase(request: ScsiRequest, unit: LogicalUnit): void {
  // "PARAMETER LIST LENGTH … shall be set to zero for BLOCK ERASE".
  if (request.cdb.readUInt16BE(7) !== 0)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 7 } });
  const immediate = (request.cdb.readUInt8(1) & IMMED_BIT) !== 0;
  unit.sanitizing = true;
  const end = unit.blocks * unit.blockBytes;
  const step = (done: DeviceDone): void =>
    inPieces<DeviceErrorCode>(
      0,
      end,
      MAX_RANGE_BYTES,
      (at, length, next) => unit.device.writeZeroes(at, length, true, false, next),
      (error) => (error === undefined ? unit.device.flush(done) : done(error)),
    );
  unit.change({ lba: 0, blocks: unit.blocks }, true, step, (error) => {
    unit.sanitizing = false;
    if (immediate) return;
    if (error === undefined) request.good();
    else request.check(senseOf(error, 'write'));
  });
  if (immediate) request.good();
}

const common = {
  opcode: 0x48,
  reservation: 'changes',
  medium: true,
  offered: (unit: LogicalUnit) => unit.attributes.thin,
} as const;

export const SANITIZE_COMMANDS: readonly Command[] = [
  {
    name: 'SANITIZE BLOCK ERASE',
    serviceAction: 0x02,
    usage: '48 a2 0000000000 ffff 00',
    ...common,
    changes: true,
    run: blockErase,
  },
  {
    name: 'SANITIZE EXIT FAILURE MODE',
    serviceAction: 0x1f,
    usage: '48 bf 0000000000 0000 00',
    ...common,
    // No SANITIZE of ours leaves the failure mode behind that this would end.
    run: (request) => request.good(),
  },
];
