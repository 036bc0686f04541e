/** The heart's rhythm, by profile (profiles.ts). How long a lease and its grace are comes from the leader with each grant. */
export interface HeartTiming {
  /** Between two beats on a path. */
  readonly beatIntervalMs: number;
  /** A path without a confirmed beat for so long is down; a node all of whose paths are down is lost. */
  readonly silenceMs: number;
  /** Between two lease requests. */
  readonly leaseIntervalMs: number;
  /** A leader that grants nothing for so long is no longer asked alone. */
  readonly leaderSilenceMs: number;
}

/**
 * What runs although nobody here knows a lease of it (heart and monitor were restarted together) is given so long to be granted one. Of no profile: its
 * lease may be over already, under whichever was in force, so it is no longer than the shortest grace.
 */
export const UNKNOWN_LEASE_MS = 800;
