/** START STOP UNIT: SBC-3 §5.25. Only LOEJ on a removable medium has an effect; power conditions are accepted and change nothing. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const LOEJ_BIT = 0x02;
const START_BIT = 0x01;

function startStopUnit(request: ScsiRequest, unit: LogicalUnit): void {
  const refusal = unit.sanitizer?.refusal;
  if (refusal !== undefined) return request.check(refusal);
  const byte4 = request.cdb.readUInt8(4);
  // "POWER CONDITION not START_VALID: the START and LOEJ bits shall be ignored".
  if (byte4 >> 4 !== 0 || (byte4 & LOEJ_BIT) === 0 || !unit.attributes.removable) return request.good();
  if (unit.removalPrevented) return request.check(SENSE.mediumRemovalPrevented);
  if ((byte4 & START_BIT) !== 0) {
    if (unit.medium === 'ejected')
      unit.attention(SENSE.mediumMayHaveChanged, (nexus) => nexus !== request.nexus);
    unit.medium = 'loaded';
    return request.good();
  }
  // Ejecting takes the medium out of reach: what was written to it must be on it.
  unit.device.flush((error) => {
    if (error !== undefined) return request.check(senseOf(error, 'write'));
    unit.medium = 'ejected';
    request.good();
  });
}

export const START_STOP_UNIT: Command = {
  name: 'START STOP UNIT',
  opcode: 0x1b,
  usage: '1b 01 00 0f f7 00',
  reservation: 'changes',
  run: startStopUnit,
};
