/** RESERVE (6): SPC-2, clause "RESERVE(6) command". It excludes persistent reservations and is excluded by them (SPC-4 §5.13.3). */
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

function reserve(request: ScsiRequest, unit: LogicalUnit): void {
  const held = unit.legacyHolder !== undefined && unit.legacyHolder !== request.nexus;
  if (held || unit.reservations.inUse) return request.conflict();
  unit.legacyHolder = request.nexus;
  request.good();
}

export const RESERVE: Command = {
  name: 'RESERVE (6)',
  opcode: 0x16,
  usage: '16 0000000000',
  reservation: 'own',
  run: reserve,
};
