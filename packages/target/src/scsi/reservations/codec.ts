/**
 * The reservation file: one JSON document in a line and its CRC-32C in hexadecimal in the next. Version 1:
 * `{"version":1,"aptpl":true,"registrations":[{"port":"iqn…,i,0x…","key":"00000000deadbeef"}],"reservation":{"port":"…","type":1}|null}`.
 * A file is kept only while APTPL is active; a volume keeps what is without as well, for a take-over is no loss of power. PRGENERATION restarts at zero with the target (SPC-4 §5.12.3).
 */
import { EterneError, crc32c } from '@eterne/base';
import { z } from 'zod';
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
  const document = JSON.stringify({
    version: 1,
    aptpl: state.aptpl,
    registrations: state.registrations.map((registration) => ({
      port: registration.port,
      key: registration.key.toString(16).padStart(16, '0'),
    })),
    reservation: state.reservation ?? null,
  });
  return Buffer.from(`${document}\n${checksum(document)}\n`, 'utf8');
}

const checksum = (document: string): string =>
  crc32c(Buffer.from(document, 'utf8')).toString(16).padStart(8, '0');

/** `corrupt` when it is not what `encodeReservations` wrote: reservations are never guessed. */
export function decodeReservations(bytes: Buffer, path: string): ReservationState | EterneError {
  const [document = '', sum] = bytes.toString('utf8').split('\n');
  const corrupt = new EterneError('corrupt', `the reservation file ${path} is damaged`, {
    hint: 'restore it, or delete it if no initiator relies on its persistent reservations any more',
  });
  if (sum !== checksum(document)) return corrupt;
  const parsed = schema.safeParse(parseJson(document));
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

/** Undefined for what is no JSON: an empty document has a checksum too. */
function parseJson(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
}
