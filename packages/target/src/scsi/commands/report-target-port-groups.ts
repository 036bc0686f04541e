/**
 * REPORT TARGET PORT GROUPS: SPC-4 §6.37. One port in each group.
 * Reply: `u32 length`, (extended header `10h, implicit transition time, 2 reserved`), then a group descriptor:
 * `PREF | state, supported states, u16 group, reserved, status code, vendor, port count`, and `2 reserved, u16 relative port` for each port.
 */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { AccessState, TargetPort } from '../ports.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const EXTENDED_FORMAT = 1;
const EXTENDED_HEADER = Buffer.from([0x10, 0, 0, 0]);
const STATE: Readonly<Record<AccessState, number>> = { 'active-optimized': 0x0, 'active-non-optimized': 0x1 };
/** AN_SUP, AO_SUP: the two states this target's ports can be in. */
const SUPPORTED_STATES = 0x03;
/** STATUS CODE: altered by implicit behaviour. */
const IMPLICIT = 0x02;

function describe({ group, relative, state }: TargetPort): Buffer {
  const descriptor = Buffer.alloc(12);
  descriptor.writeUInt8(STATE[state], 0);
  descriptor.writeUInt8(SUPPORTED_STATES, 1);
  descriptor.writeUInt16BE(group, 2);
  descriptor.writeUInt8(IMPLICIT, 5);
  descriptor.writeUInt8(1, 7);
  descriptor.writeUInt16BE(relative, 10);
  return descriptor;
}

function reportTargetPortGroups(request: ScsiRequest, unit: LogicalUnit): void {
  const format = request.cdb.readUInt8(1) >> 5;
  if (format > EXTENDED_FORMAT)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } });
  const groups = Buffer.concat(unit.ports.map(describe));
  const body = format === EXTENDED_FORMAT ? Buffer.concat([EXTENDED_HEADER, groups]) : groups;
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length, 0);
  request.good(Buffer.concat([header, body]).subarray(0, request.cdb.readUInt32BE(6)));
}

export const REPORT_TARGET_PORT_GROUPS: Command = {
  name: 'REPORT TARGET PORT GROUPS',
  opcode: 0xa3,
  serviceAction: 0x0a,
  usage: 'a3 ea 00000000 ffffffff 00 00',
  reservation: 'allowed',
  run: reportTargetPortGroups,
};
