/** What applying an entry gives: the next state, or the unchanged one and why. */
import type { ErrorCode } from '@eterne/base';
import type { Stamp } from './commands.ts';
import type { ClusterEvent, ClusterState } from './model.ts';
import { EVENTS_MAX } from './model.ts';

export interface Refusal {
  readonly code: ErrorCode;
  /** A sentence for the operator. */
  readonly message: string;
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
