/** RECEIVE COPY STATUS (LID1): SPC-4 §6.25. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const COMPLETED = 1;
const COMPLETED_WITH_ERRORS = 2;

/** `u32 length, status, u16 segments processed, units, u32 transfer count`. */
function copyStatus(request: ScsiRequest, unit: LogicalUnit): void {
  const outcome = unit.copies.take(request.nexus, request.cdb.readUInt8(2));
  if (outcome === undefined)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
  const data = Buffer.alloc(12);
  data.writeUInt32BE(data.length - 4, 0);
  data.writeUInt8(outcome.succeeded ? COMPLETED : COMPLETED_WITH_ERRORS, 4);
  data.writeUInt16BE(outcome.segments, 5);
  request.good(data.subarray(0, request.cdb.readUInt32BE(10)));
}

export const RECEIVE_COPY_STATUS: Command = {
  name: 'RECEIVE COPY STATUS (LID1)',
  opcode: 0x84,
  serviceAction: 0x00,
  usage: '84 00 ff 00000000000000 ffffffff 00 00',
  reservation: 'changes',
  run: copyStatus,
};
