/** RESERVE (6) and RELEASE (6): SPC-2 §7.21, §7.17. They exclude persistent reservations and are excluded by them (SPC-4 §5.12.3). */
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

function reserve(request: ScsiRequest, unit: LogicalUnit): void {
  const held = unit.legacyHolder !== undefined && unit.legacyHolder !== request.nexus;
  if (held || unit.reservations.inUse) return request.conflict();
  unit.legacyHolder = request.nexus;
  request.good();
}

/** "an attempt to release a reservation that another initiator holds": GOOD, and nothing happens. */
function release(request: ScsiRequest, unit: LogicalUnit): void {
  if (unit.reservations.inUse) return request.conflict();
  if (unit.legacyHolder === request.nexus) unit.legacyHolder = undefined;
  request.good();
}

export const RESERVE_RELEASE_COMMANDS: readonly Command[] = [
  { name: 'RESERVE (6)', opcode: 0x16, usage: '16 0000000000', reservation: 'own', run: reserve },
  { name: 'RELEASE (6)', opcode: 0x17, usage: '17 0000000000', reservation: 'own', run: release },
];
