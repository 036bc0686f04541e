/** What applying an entry gives: the next state, or the unchanged one and why. */
import { EterneError, type ErrorCode } from '@eterne/base';
import type { Stamp } from './commands.ts';
import type { ClusterEvent, ClusterState } from './model.ts';
import { EVENTS_MAX } from './model.ts';

export interface Refusal {
  readonly code: ErrorCode;
  /** A sentence for the operator. */
  readonly message: string;
  /** What to do instead. */
  readonly hint?: string;
}

export interface Outcome {
  readonly state: ClusterState;
  readonly refused?: Refusal;
}

export function accepted(state: ClusterState): Outcome {
  return { state };
}

export function refuse(state: ClusterState, code: ErrorCode, message: string): Outcome {
  return { state, refused: { code, message } };
}

export function errorOf({ code, message, hint }: Refusal): EterneError {
  return new EterneError(code, message, hint === undefined ? {} : { hint });
}

const NAMES_SHOWN = 8;

/** `known` is what there is of that kind, by name. */
export function noSuch(
  kind: 'node' | 'group' | 'volume',
  name: string,
  known: Readonly<Record<string, unknown>>,
): Refusal {
  const names = Object.keys(known).toSorted();
  const more = names.length - NAMES_SHOWN;
  const list = `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return {
    code: 'not-found',
    message: `no ${kind} ${name}`,
    ...(names.length === 0 ? {} : { hint: `the cluster has ${list}` }),
  };
}

type EventDraft = Omit<ClusterEvent, 'id' | 'atMs' | 'by'>;

/** Adds a line to the timeline; the oldest one goes when it is full. */
export function withEvent(state: ClusterState, stamp: Stamp, draft: EventDraft): ClusterState {
  const eventId = state.eventId + 1;
  const event: ClusterEvent = {
    ...draft,
    id: eventId,
    atMs: stamp.atMs,
    ...(stamp.by === undefined ? {} : { by: stamp.by }),
  };
  return { ...state, eventId, events: [...state.events, event].slice(-EVENTS_MAX) };
}
