/** COMPARE AND WRITE: SBC-3 §5.2. Compare and write are one step to every other command. */
import { SENSE } from '@eterne/iscsi';
import type { DeviceDone } from '@eterne/runtime';
import { MAX_COMPARE_AND_WRITE_BLOCKS } from '../../limits.ts';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { rangeError, readLba } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { miscompare } from './compare.ts';

const FUA_BIT = 0x08;

function compareAndWrite(request: ScsiRequest, unit: LogicalUnit): void {
  const range = { lba: readLba(request.cdb, 2), blocks: request.cdb.readUInt8(13) };
  const error = rangeError(range, unit);
  if (error !== undefined) return request.check(error);
  const offset = range.lba * unit.blockBytes;
  const lengthBytes = range.blocks * unit.blockBytes;
  const fua = (request.cdb.readUInt8(1) & FUA_BIT) !== 0;
  request.receive(
    2 * lengthBytes,
    (data) => {
      if (range.blocks === 0) return request.good();
      let sense = SENSE.none as ReturnType<typeof miscompare>;
      const step = (done: DeviceDone): void =>
        unit.device.read(offset, lengthBytes, (readError, actual) => {
          sense =
            readError === undefined
              ? miscompare(data.subarray(0, lengthBytes), actual)
              : senseOf(readError, 'read');
          if (sense !== undefined) return done(undefined);
          unit.device.write(offset, data.subarray(lengthBytes), fua, done);
        });
      unit.change(range, true, step, (writeError) => {
        if (writeError !== undefined) return request.check(senseOf(writeError, 'write'));
        if (sense === undefined) request.good();
        else request.check(sense);
      });
    },
    SENSE.invalidFieldInCdb,
  );
}

export const COMPARE_AND_WRITE: Command = {
  name: 'COMPARE AND WRITE',
  opcode: 0x89,
  usage: `89 18 ffffffffffffffff 000000 ${MAX_COMPARE_AND_WRITE_BLOCKS.toString(16)} 1f 00`,
  reservation: 'changes',
  medium: true,
  changes: true,
  run: compareAndWrite,
};
