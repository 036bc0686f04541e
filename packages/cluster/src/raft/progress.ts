/**
 * What the leader knows of one follower's log.
 *
 * ```
 * probe ── confirmed ──▶ replicate          snapshot: the follower needs what is compacted away
 *   ▲  ◀── rejected ──────  │                  │
 *   └──────────── all chunks confirmed ────────┘  (any state → snapshot when next is gone)
 * ```
 * `probe`: one append at a time, to find where the logs agree. `replicate`: appends follow one another unanswered, at most INFLIGHT_MAX.
 */
import type { LogIndex, Snapshot } from './types.ts';

export type ProgressState =
  | { readonly kind: 'probe'; waiting: boolean }
  /** Last index of each append sent and not answered, in order. */
  | { readonly kind: 'replicate'; inflight: LogIndex[] }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot; nextOffset: number };

export interface Progress {
  /** The follower's log equals ours up to here, on its disk. */
  match: LogIndex;
  /** The next entry to send. */
  next: LogIndex;
  state: ProgressState;
  /** When anything last came from it, for check-quorum. */
  heardMs: number;
  /** When it last confirmed something more, or was seen to lack nothing. */
  advancedMs: number;
}

export function newProgress(lastIndex: LogIndex, nowMs: number): Progress {
  return {
    match: 0,
    next: lastIndex + 1,
    state: { kind: 'probe', waiting: false },
    heardMs: nowMs,
    advancedMs: nowMs,
  };
}
