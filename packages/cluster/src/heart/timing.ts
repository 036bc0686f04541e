/** The heart's rhythm. Everything else that has to do with time (grace, lease length) comes from the leader with each grant. */
export interface HeartTiming {
  /** Between two beats on a path. */
  readonly beatIntervalMs: number;
  /** A path without a confirmed beat for so long is down; a node all of whose paths are down is lost. */
  readonly silenceMs: number;
  /** Between two lease requests. */
  readonly leaseIntervalMs: number;
}

export const HEART_TIMING: Readonly<Record<'lan' | 'wan', HeartTiming>> = {
  lan: { beatIntervalMs: 200, silenceMs: 1000, leaseIntervalMs: 150 },
  wan: { beatIntervalMs: 1000, silenceMs: 10_000, leaseIntervalMs: 1000 },
};
