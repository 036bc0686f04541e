/** The times that rights are made of, by profile (profiles.ts); the sum of them is the take-over budget. */
import { PROFILES, type ProfileTimes } from '../profiles.ts';
import type { ClusterState, Profile } from '../state/model.ts';

export interface ServiceTiming {
  /** A lease lasts this long from the asking heart's send time, or as long as the leader's own authority, whichever ends first. */
  readonly leaseMs: number;
  /** From the lapse of a lease (data frozen) until the node ends what it ran. */
  readonly graceMs: number;
  /** What two boot clocks may drift apart, and scheduling may delay, within a lease and its grace. */
  readonly marginMs: number;
  /** Silence after which the heart counts a node as lost; for estimates only, the heart decides. */
  readonly lostAfterMs: number;
  /** Start nothing when the lease ends sooner than this. */
  readonly leaseReserveMs: number;
  /** How long a promotion waits for replicas that are heard but not yet connected. */
  readonly reachWaitMs: number;
  /** How long a promised promotion may take to show in the disk process's status. */
  readonly promotionShowMs: number;
  /** Before an append or proposal without an answer is tried again. */
  readonly retryMs: number;
  /** A preferred node must have been back this long before groups return to it. */
  readonly failbackSettleMs: number;
  /** A voter with longer round trips than this would make every commit slow. */
  readonly nearMs: number;
  /** A changed state of a node or volume is told no more often. */
  readonly reportMs: number;
  readonly tickMs: number;
}

/** As it holds in a cluster now. */
export interface CurrentTiming extends ServiceTiming {
  /** The longest grace that any lease still held may have: what a take-over waits for. */
  readonly goneGraceMs: number;
  /** The longest lease that may still be held. */
  readonly heldMs: number;
}

/** While the log moves: the wait between two sets of leases, on a machine that is busy. */
export const MOVE_GRACE_MS = 12_000;

type Timed = Pick<ClusterState, 'config' | 'log' | 'settling'>;

/** What everything but the rights of groups goes by. */
export function timesOf({ config }: Pick<ClusterState, 'config'>): ProfileTimes {
  return PROFILES[config.profile];
}

/** See `LogPlace`: leases get a long grace before the log is sealed, and nobody forgets it before it is certainly over. */
export function timingOf(state: Timed): CurrentTiming {
  const timing = settled(state, rightsIn(state, state.config.profile));
  switch (state.log.phase) {
    case 'steady':
      return timing;
    case 'moving':
    case 'sealed':
      return { ...timing, graceMs: MOVE_GRACE_MS, goneGraceMs: MOVE_GRACE_MS };
    case 'settling':
      return { ...timing, goneGraceMs: MOVE_GRACE_MS };
  }
}

function rightsIn({ log }: Timed, profile: Profile): ServiceTiming {
  const { service, withEtcd } = PROFILES[profile];
  return log.consensus.engine === 'etcd' ? { ...service, ...withEtcd } : service;
}

/** Leases of the profile before may still be held: their grace and margin count until they are certainly over. */
function settled(state: Timed, timing: ServiceTiming): CurrentTiming {
  const before = state.settling === null ? timing : rightsIn(state, state.settling.from);
  return {
    ...timing,
    goneGraceMs: Math.max(timing.graceMs, before.graceMs),
    marginMs: Math.max(timing.marginMs, before.marginMs),
    heldMs: Math.max(timing.leaseMs, before.leaseMs),
  };
}
