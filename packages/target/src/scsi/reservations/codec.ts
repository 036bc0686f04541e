/**
 * The reservation file (`checked-json.ts`). Version 1:
 * `{"version":1,"aptpl":true,"registrations":[{"port":"iqn…,i,0x…","key":"00000000deadbeef"}],"reservation":{"port":"…","type":1}|null}`.
 * A file is kept only while APTPL is active; a volume keeps what is without as well, for a take-over is no loss of power. PRGENERATION restarts at zero with the target (SPC-4 §6.15.2).
 */
import { EterneError } from '@eterne/base';
import { z } from 'zod';
import { decodeCheckedJson, encodeCheckedJson } from '../../checked-json.ts';
import { MAX_REGISTRATIONS } from '../../limits.ts';
import { isReservationType, type ReservationState } from './state.ts';

const MAX_PORT_CHARACTERS = 256;
const KEY = /^[0-9a-f]{16}$/;

const port = z.string().min(1).max(MAX_PORT_CHARACTERS);
const schema = z.strictObject({
  version: z.literal(1),
  aptpl: z.boolean(),
  registrations: z.array(z.strictObject({ port, key: z.string().regex(KEY) })).max(MAX_REGISTRATIONS),
  reservation: z.strictObject({ port, type: z.number().refine(isReservationType) }).nullable(),
});

export function encodeReservations(state: ReservationState): Buffer {
  return encodeCheckedJson({
    version: 1,
    aptpl: state.aptpl,
    registrations: state.registrations.map((registration) => ({
      port: registration.port,
      key: registration.key.toString(16).padStart(16, '0'),
    })),
    reservation: state.reservation ?? null,
  });
}

/** `corrupt` when it is not what `encodeReservations` wrote: reservations are never guessed. */
export function decodeReservations(bytes: Buffer, path: string): ReservationState | EterneError {
  const corrupt = new EterneError('corrupt', `the reservation file ${path} is damaged`, {
    hint: 'restore it, or delete it if no initiator relies on its persistent reservations any more',
  });
  const parsed = schema.safeParse(decodeCheckedJson(bytes));
  if (!parsed.success) return corrupt;
  const { aptpl, registrations, reservation } = parsed.data;
  return {
    generation: 0,
    registrations: registrations.map((registration) => ({
      port: registration.port,
      key: BigInt(`0x${registration.key}`),
    })),
    reservation: reservation ?? undefined,
    aptpl,
  };
}
