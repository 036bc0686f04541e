/** Persistent reservations of one logical unit (SPC-4 §5.13) as plain data. Registrations belong to initiator ports, not to sessions. */
import type { ReservationClass } from '../command.ts';

/** TYPE field (SPC-4 §6.15.3). */
export const RESERVATION_TYPE = {
  writeExclusive: 1,
  exclusiveAccess: 3,
  writeExclusiveRegistrantsOnly: 5,
  exclusiveAccessRegistrantsOnly: 6,
  writeExclusiveAllRegistrants: 7,
  exclusiveAccessAllRegistrants: 8,
} as const;

const TYPES: ReadonlySet<number> = new Set(Object.values(RESERVATION_TYPE));
export const isReservationType = (type: number): boolean => TYPES.has(type);

export interface Registration {
  readonly port: string;
  readonly key: bigint;
}

export interface Reservation {
  /** Who made it. With an all-registrants type every registrant holds it. */
  readonly port: string;
  readonly type: number;
}

export interface ReservationState {
  /** PRGENERATION; 32 bits, wraps. Starts at zero when the target starts, whatever is restored. */
  readonly generation: number;
  readonly registrations: readonly Registration[];
  readonly reservation: Reservation | undefined;
  /** Activate persist through power loss: the state is kept on stable storage. */
  readonly aptpl: boolean;
}

export const NO_RESERVATIONS: ReservationState = {
  generation: 0,
  registrations: [],
  reservation: undefined,
  aptpl: false,
};

export const isAllRegistrants = (type: number): boolean =>
  type === RESERVATION_TYPE.writeExclusiveAllRegistrants ||
  type === RESERVATION_TYPE.exclusiveAccessAllRegistrants;

const isRegistrantsOnly = (type: number): boolean =>
  type === RESERVATION_TYPE.writeExclusiveRegistrantsOnly ||
  type === RESERVATION_TYPE.exclusiveAccessRegistrantsOnly;

const excludesReads = (type: number): boolean =>
  type === RESERVATION_TYPE.exclusiveAccess ||
  type === RESERVATION_TYPE.exclusiveAccessRegistrantsOnly ||
  type === RESERVATION_TYPE.exclusiveAccessAllRegistrants;

export function registrationOf(state: ReservationState, port: string): Registration | undefined {
  return state.registrations.find((registration) => registration.port === port);
}

export function isHolder(state: ReservationState, port: string): boolean {
  const { reservation } = state;
  if (reservation === undefined) return false;
  return isAllRegistrants(reservation.type)
    ? registrationOf(state, port) !== undefined
    : reservation.port === port;
}

/** Whether a command of this class from `port` meets a RESERVATION CONFLICT (SPC-4 §5.13.1, SBC-4 §4.17). */
export function conflicts(state: ReservationState, port: string, commandClass: ReservationClass): boolean {
  const { reservation } = state;
  if (reservation === undefined || commandClass === 'allowed' || commandClass === 'own') return false;
  if (isHolder(state, port)) return false;
  if (isRegistrantsOnly(reservation.type) && registrationOf(state, port) !== undefined) return false;
  return commandClass === 'changes' || excludesReads(reservation.type);
}
