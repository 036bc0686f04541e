/** PERSISTENT RESERVE IN: SPC-4 §6.15. */
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import { isAllRegistrants, type Registration, type ReservationState } from '../reservations/state.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { transportId } from '../reservations/transport-id.ts';

const SCOPE_LOGICAL_UNIT = 0;

type Answer = (state: ReservationState) => Buffer;

/** `u32 PRGENERATION, u32 length, keys` (§6.15.2). */
function readKeys(state: ReservationState): Buffer {
  const data = Buffer.alloc(8 + 8 * state.registrations.length);
  data.writeUInt32BE(state.generation, 0);
  data.writeUInt32BE(data.length - 8, 4);
  state.registrations.forEach(({ key }, index) => data.writeBigUInt64BE(key, 8 + 8 * index));
  return data;
}

/** `u32 PRGENERATION, u32 length`, then while reserved `u64 key, 4 obsolete, reserved, scope | type, 2 obsolete` (§6.15.3). */
function readReservation(state: ReservationState): Buffer {
  const { reservation } = state;
  const data = Buffer.alloc(reservation === undefined ? 8 : 24);
  data.writeUInt32BE(state.generation, 0);
  data.writeUInt32BE(data.length - 8, 4);
  if (reservation === undefined) return data;
  const holder = state.registrations.find(({ port }) => port === reservation.port);
  // With an all-registrants type every registrant holds it, and the key is zero.
  data.writeBigUInt64BE(isAllRegistrants(reservation.type) ? 0n : (holder?.key ?? 0n), 8);
  data.writeUInt8((SCOPE_LOGICAL_UNIT << 4) | reservation.type, 21);
  return data;
}

/** `u16 length, flags, flags, u16 type mask, 2 reserved` (§6.15.4). */
function reportCapabilities(state: ReservationState): Buffer {
  const PTPL_C = 0x01;
  const TMV = 0x80;
  const PTPL_A = 0x01;
  const ALL_SIX_TYPES = 0xea01;
  const data = Buffer.alloc(8);
  data.writeUInt16BE(8, 0);
  data.writeUInt8(PTPL_C, 2);
  data.writeUInt8(TMV | (state.aptpl ? PTPL_A : 0), 3);
  data.writeUInt16BE(ALL_SIX_TYPES, 4);
  return data;
}

/**
 * `u32 PRGENERATION, u32 length`, then for each registrant `u64 key, 4 reserved, R_HOLDER, scope | type, 4 reserved,
 * u16 relative target port, u32 length of TransportID, TransportID` (§6.15.5).
 */
function readFullStatus(state: ReservationState): Buffer {
  const body = Buffer.concat(state.registrations.map((registration) => fullStatus(registration, state)));
  const header = Buffer.alloc(8);
  header.writeUInt32BE(state.generation, 0);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

/** A registration belongs to an initiator port whatever target port it comes through: after a take-over it is another one. */
const ALL_TG_PT_BIT = 0x02;
const R_HOLDER_BIT = 0x01;

function fullStatus(registration: Registration, { reservation }: ReservationState): Buffer {
  const id = transportId(registration.port);
  const descriptor = Buffer.alloc(24);
  descriptor.writeBigUInt64BE(registration.key, 0);
  const holds =
    reservation !== undefined &&
    (isAllRegistrants(reservation.type) || reservation.port === registration.port);
  descriptor.writeUInt8(ALL_TG_PT_BIT | (holds ? R_HOLDER_BIT : 0), 12);
  descriptor.writeUInt8(holds ? reservation.type : 0, 13);
  descriptor.writeUInt32BE(id.length, 20);
  return Buffer.concat([descriptor, id]);
}

function persistentReserveIn(answer: Answer) {
  return (request: ScsiRequest, unit: LogicalUnit): void => {
    // "PERSISTENT RESERVE IN … while a RESERVE (6) is in effect: RESERVATION CONFLICT" (SPC-2, clause "Reservations").
    if (unit.legacyHolder !== undefined) return request.conflict();
    request.good(answer(unit.reservations.state).subarray(0, request.cdb.readUInt16BE(7)));
  };
}

const ACTIONS: readonly (readonly [string, Answer])[] = [
  ['READ KEYS', readKeys],
  ['READ RESERVATION', readReservation],
  ['REPORT CAPABILITIES', reportCapabilities],
  ['READ FULL STATUS', readFullStatus],
];

export const PERSISTENT_RESERVE_IN_COMMANDS: readonly Command[] = ACTIONS.map(
  ([action, answer], serviceAction) => ({
    name: `PERSISTENT RESERVE IN, ${action}`,
    opcode: 0x5e,
    serviceAction,
    usage: `5e ${serviceAction.toString(16).padStart(2, '0')} 0000000000 ffff 00`,
    reservation: 'own',
    run: persistentReserveIn(answer),
  }),
);
