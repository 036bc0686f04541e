/**
 * PERSISTENT RESERVE OUT: SPC-4 §6.16. Parameter list (24 bytes): `u64 reservation key, u64 service action key, 4 obsolete,
 * SPEC_I_PT . ALL_TG_PT . APTPL, reserved, 2 obsolete`. What it does to the state is `reservations/actions.ts`.
 */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ReservationAction } from '../reservations/actions.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const LIST_BYTES = 24;
const APTPL_BIT = 0x01;

const ACTIONS: readonly ReservationAction['kind'][] = [
  'register',
  'reserve',
  'release',
  'clear',
  'preempt',
  'preempt-and-abort',
  'register-and-ignore',
];

function persistentReserveOut(kind: ReservationAction['kind']) {
  return (request: ScsiRequest, unit: LogicalUnit): void => {
    if (unit.legacyHolder !== undefined) return request.conflict();
    const { cdb } = request;
    if (cdb.readUInt32BE(5) !== LIST_BYTES) return request.check(SENSE.parameterListLength);
    const scopeAndType = cdb.readUInt8(2);
    const typed =
      kind === 'reserve' || kind === 'release' || kind === 'preempt' || kind === 'preempt-and-abort';
    if (typed && scopeAndType >> 4 !== 0)
      return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
    request.receive(LIST_BYTES, (list) => {
      const flags = list.readUInt8(20);
      // Naming other initiator ports is not supported, as REPORT CAPABILITIES says (SIP_C = 0, ATP_C = 0).
      if ((flags & ~APTPL_BIT) !== 0)
        return request.check({ ...SENSE.invalidFieldInParameterList, field: { inCdb: false, byte: 20 } });
      unit.reservations.perform(
        {
          kind,
          port: request.nexus.initiatorPort,
          key: list.readBigUInt64BE(0),
          newKey: list.readBigUInt64BE(8),
          type: scopeAndType & 0x0f,
          aptpl: (flags & APTPL_BIT) !== 0,
        },
        unit,
        request,
      );
    });
  };
}

export const PERSISTENT_RESERVE_OUT_COMMANDS: readonly Command[] = ACTIONS.map((kind, serviceAction) => ({
  name: `PERSISTENT RESERVE OUT, ${kind.toUpperCase().replaceAll('-', ' ')}`,
  opcode: 0x5f,
  serviceAction,
  usage: `5f ${serviceAction.toString(16).padStart(2, '0')} ff 0000 ffffffff 00`,
  reservation: 'own',
  run: persistentReserveOut(kind),
}));
