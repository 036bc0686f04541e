/** ORWRITE (16): SBC-3 §5.5. The blocks become what they were, or what was sent, bit by bit, in one step to every other command. */
import type { DeviceDone } from '@eterne/runtime';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { transferRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const FUA_BIT = 0x08;

function orWrite(request: ScsiRequest, unit: LogicalUnit): void {
  const range = transferRange(request, unit);
  if (range === undefined) return;
  const offset = range.lba * unit.blockBytes;
  const fua = (request.cdb.readUInt8(1) & FUA_BIT) !== 0;
  request.receive(range.blocks * unit.blockBytes, (data) => {
    if (range.blocks === 0) return request.good();
    const step = (done: DeviceDone): void =>
      unit.device.read(offset, data.length, (error, actual) => {
        if (error !== undefined) return done(error);
        for (let at = 0; at < data.length; at += 1) data[at] = (data[at] ?? 0) | (actual[at] ?? 0);
        unit.device.write(offset, data, fua, done);
      });
    unit.change(range, true, step, (error) =>
      error === undefined ? request.good() : request.check(senseOf(error, 'write')),
    );
  });
}

export const ORWRITE: Command = {
  name: 'ORWRITE (16)',
  opcode: 0x8b,
  usage: '8b 18 ffffffffffffffff ffffffff 1f 00',
  reservation: 'changes',
  medium: true,
  changes: true,
  run: orWrite,
};
