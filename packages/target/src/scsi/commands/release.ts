/** RELEASE (6): SPC-2, clause "RELEASE(6) command"; with persistent reservations in use it conflicts (SPC-4 §5.13.3). */
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

/** "an attempt to release a reservation that another initiator holds": GOOD, and nothing happens. */
function release(request: ScsiRequest, unit: LogicalUnit): void {
  if (unit.reservations.inUse) return request.conflict();
  if (unit.legacyHolder === request.nexus) unit.legacyHolder = undefined;
  request.good();
}

export const RELEASE: Command = {
  name: 'RELEASE (6)',
  opcode: 0x17,
  usage: '17 0000000000',
  reservation: 'own',
  run: release,
};
