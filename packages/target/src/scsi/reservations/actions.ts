/**
 * What a PERSISTENT RESERVE OUT does to the state (SPC-4 §5.13.7 to §5.13.11). Pure: state and action in, new state and what must be told to
 * other initiators out.
 */
import { SENSE, type Sense } from '@eterne/iscsi';
import { MAX_REGISTRATIONS } from '../../limits.ts';
import {
  isAllRegistrants,
  isHolder,
  isReservationType,
  registrationOf,
  type Registration,
  type ReservationState,
} from './state.ts';

export interface ReservationAction {
  readonly kind:
    'register' | 'register-and-ignore' | 'reserve' | 'release' | 'clear' | 'preempt' | 'preempt-and-abort';
  readonly port: string;
  readonly key: bigint;
  readonly newKey: bigint;
  readonly type: number;
  readonly aptpl: boolean;
}

/** A unit attention for the sessions of one initiator port. */
export interface Notice {
  readonly port: string;
  readonly sense: Sense;
}

export type Outcome =
  | { readonly kind: 'conflict' }
  | { readonly kind: 'refused'; readonly sense: Sense }
  | {
      readonly kind: 'done';
      readonly state: ReservationState;
      readonly notices: readonly Notice[];
      /** Ports whose tasks end (PREEMPT AND ABORT). */
      readonly abort: readonly string[];
    };

const CONFLICT: Outcome = { kind: 'conflict' };
const unchanged = (state: ReservationState): Outcome => ({ kind: 'done', state, notices: [], abort: [] });
const next = (state: ReservationState): number => (state.generation + 1) >>> 0;

export function applyAction(state: ReservationState, action: ReservationAction): Outcome {
  const own = registrationOf(state, action.port);
  switch (action.kind) {
    case 'register':
      // "unregistered … and the RESERVATION KEY is not zero: RESERVATION CONFLICT" (table 208).
      return (own?.key ?? 0n) === action.key ? register(state, action, own) : CONFLICT;
    case 'register-and-ignore':
      return register(state, action, own);
    case 'reserve':
      return own?.key === action.key ? reserve(state, action) : CONFLICT;
    case 'release':
      return own?.key === action.key ? release(state, action) : CONFLICT;
    case 'clear':
      return own?.key === action.key ? clear(state, action.port) : CONFLICT;
    case 'preempt':
    case 'preempt-and-abort':
      return own?.key === action.key ? preempt(state, action) : CONFLICT;
  }
}

/** §5.13.7. */
function register(
  state: ReservationState,
  action: ReservationAction,
  own: Registration | undefined,
): Outcome {
  const { port, newKey, aptpl } = action;
  if (newKey === 0n) return own === undefined ? unchanged(state) : unregister(state, port, aptpl);
  if (own === undefined && state.registrations.length >= MAX_REGISTRATIONS)
    return { kind: 'refused', sense: SENSE.insufficientRegistrationResources };
  const mine = { port, key: newKey };
  const registrations =
    own === undefined
      ? [...state.registrations, mine]
      : state.registrations.map((registration) => (registration === own ? mine : registration));
  return unchanged({ ...state, registrations, aptpl, generation: next(state) });
}

/** §5.13.11.2.3: a reservation ends with its holder's registration; with an all-registrants type, with the last one. */
function unregister(state: ReservationState, port: string, aptpl: boolean): Outcome {
  const registrations = state.registrations.filter((registration) => registration.port !== port);
  const { reservation } = state;
  const ends =
    reservation !== undefined &&
    (isAllRegistrants(reservation.type) ? registrations.length === 0 : reservation.port === port);
  // The others learn of it only where they shared the access that has ended (registrants-only types).
  const told = ends && reservation.type >= 5 ? registrations : [];
  return {
    kind: 'done',
    state: { generation: next(state), registrations, reservation: ends ? undefined : reservation, aptpl },
    notices: told.map((registration) => ({ port: registration.port, sense: SENSE.reservationsReleased })),
    abort: [],
  };
}

/** §5.13.9. */
function reserve(state: ReservationState, action: ReservationAction): Outcome {
  if (!isReservationType(action.type))
    return { kind: 'refused', sense: { ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } } };
  const { reservation } = state;
  if (reservation === undefined)
    return unchanged({ ...state, reservation: { port: action.port, type: action.type } });
  // "a holder … the same type and scope: GOOD"; anything else conflicts.
  return isHolder(state, action.port) && reservation.type === action.type ? unchanged(state) : CONFLICT;
}

/** §5.13.11.2.2. */
function release(state: ReservationState, action: ReservationAction): Outcome {
  const { reservation } = state;
  if (reservation === undefined || !isHolder(state, action.port)) return unchanged(state);
  if (reservation.type !== action.type) return { kind: 'refused', sense: SENSE.invalidReleaseOfReservation };
  const told = reservation.type >= 5 ? others(state, action.port) : [];
  return {
    kind: 'done',
    state: { ...state, reservation: undefined },
    notices: told.map(({ port }) => ({ port, sense: SENSE.reservationsReleased })),
    abort: [],
  };
}

/** §5.13.11.2.7. */
function clear(state: ReservationState, port: string): Outcome {
  return {
    kind: 'done',
    state: { generation: next(state), registrations: [], reservation: undefined, aptpl: state.aptpl },
    notices: others(state, port).map((other) => ({ port: other.port, sense: SENSE.reservationsPreempted })),
    abort: [],
  };
}

const others = (state: ReservationState, port: string): readonly Registration[] =>
  state.registrations.filter((registration) => registration.port !== port);

/** §5.13.11.2.4 and §5.13.11.2.6. */
function preempt(state: ReservationState, action: ReservationAction): Outcome {
  const { reservation } = state;
  const allRegistrants = reservation !== undefined && isAllRegistrants(reservation.type);
  const holder = reservation === undefined ? undefined : registrationOf(state, reservation.port);
  const takesReservation = allRegistrants
    ? action.newKey === 0n
    : holder !== undefined && holder.key === action.newKey;
  if (takesReservation && !isReservationType(action.type))
    return { kind: 'refused', sense: { ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } } };
  if (action.newKey === 0n && !allRegistrants)
    return {
      kind: 'refused',
      sense: { ...SENSE.invalidFieldInParameterList, field: { inCdb: false, byte: 8 } },
    };
  const removed =
    allRegistrants && action.newKey === 0n
      ? others(state, action.port)
      : state.registrations.filter(({ key }) => key === action.newKey);
  if (removed.length === 0 && !takesReservation) return CONFLICT;
  return preempted(state, action, takesReservation, removed);
}

function preempted(
  state: ReservationState,
  action: ReservationAction,
  takesReservation: boolean,
  removed: readonly Registration[],
): Outcome {
  // Who preempts his own key keeps his registration when he takes the reservation over (§5.13.11.2.4).
  const gone = takesReservation ? removed.filter(({ port }) => port !== action.port) : removed;
  const registrations = state.registrations.filter((registration) => !gone.includes(registration));
  const { reservation } = state;
  const left =
    reservation !== undefined && !takesReservation && registrations.length === 0 ? undefined : reservation;
  const typeChanged = takesReservation && reservation !== undefined && reservation.type !== action.type;
  const goneNotices = gone
    .filter(({ port }) => port !== action.port)
    .map(({ port }) => ({ port, sense: SENSE.registrationsPreempted }));
  const released = typeChanged
    ? registrations
        .filter(({ port }) => port !== action.port)
        .map(({ port }) => ({ port, sense: SENSE.reservationsReleased }))
    : [];
  return {
    kind: 'done',
    state: {
      ...state,
      generation: next(state),
      registrations,
      reservation: takesReservation ? { port: action.port, type: action.type } : left,
    },
    notices: [...goneNotices, ...released],
    abort:
      action.kind === 'preempt-and-abort'
        ? gone.map(({ port }) => port).filter((port) => port !== action.port)
        : [],
  };
}
