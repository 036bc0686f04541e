/** PREVENT ALLOW MEDIUM REMOVAL: SBC-3 §5.10. Each I_T nexus has its own say. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const PREVENT_MASK = 0x03;

function preventAllow(request: ScsiRequest, unit: LogicalUnit): void {
  const prevent = request.cdb.readUInt8(4) & PREVENT_MASK;
  if (prevent > 1) return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 4 } });
  unit.preventRemoval(request.nexus, prevent === 1);
  request.good();
}

export const PREVENT_ALLOW: Command = {
  name: 'PREVENT ALLOW MEDIUM REMOVAL',
  opcode: 0x1e,
  usage: '1e 000000 03 00',
  reservation: 'allowed',
  offered: (unit) => unit.attributes.removable,
  run: preventAllow,
};
