/** REQUEST SENSE: SPC-4 §6.39. Reports, and thereby clears, a pending unit attention; else why the unit is not ready. */
import { SENSE, encodeSense } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const DESC_BIT = 0x01;

function requestSense(request: ScsiRequest, unit: LogicalUnit): void {
  const sense = unit.takeAttention(request.nexus) ?? unit.mediumRefusal ?? SENSE.none;
  const bytes = encodeSense(sense, (request.cdb.readUInt8(1) & DESC_BIT) !== 0);
  request.good(bytes.subarray(0, request.cdb.readUInt8(4)));
}

export const REQUEST_SENSE: Command = {
  name: 'REQUEST SENSE',
  opcode: 0x03,
  usage: '03 01 0000 ff 00',
  reservation: 'allowed',
  run: requestSense,
};
