/** The times that rights are made of. DESIGN §6; the sum of them is the take-over budget. */
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
  readonly tickMs: number;
}

/** As it holds in a cluster now. */
export interface CurrentTiming extends ServiceTiming {
  /** The longest grace that any lease still held may have: what a take-over waits for. */
  readonly goneGraceMs: number;
}

export const SERVICE_TIMING: Readonly<Record<Profile, ServiceTiming>> = {
  lan: {
    leaseMs: 650,
    graceMs: 800,
    marginMs: 100,
    lostAfterMs: 1000,
    leaseReserveMs: 50,
    reachWaitMs: 500,
    promotionShowMs: 2000,
    retryMs: 100,
    failbackSettleMs: 10_000,
    tickMs: 50,
  },
  wan: {
    leaseMs: 6500,
    graceMs: 3000,
    marginMs: 1000,
    lostAfterMs: 10_000,
    leaseReserveMs: 500,
    reachWaitMs: 2000,
    promotionShowMs: 5000,
    retryMs: 500,
    failbackSettleMs: 60_000,
    tickMs: 200,
  },
};

/** With the log in etcd: leases outlast an election among the etcd servers (etcd/timing.ts). */
const WITH_ETCD: Readonly<Record<Profile, Partial<ServiceTiming>>> = {
  lan: { leaseMs: 2900, marginMs: 350 },
  wan: { leaseMs: 10_000, marginMs: 1200 },
};

/** While the log moves: the wait between two sets of leases, on a machine that is busy. */
export const MOVE_GRACE_MS = 12_000;

/** See `LogPlace`: leases get a long grace before the log is sealed, and nobody forgets it before it is certainly over. */
export function timingOf({ config, log }: Pick<ClusterState, 'config' | 'log'>): CurrentTiming {
  const usual = SERVICE_TIMING[config.profile];
  const timing = log.consensus.engine === 'etcd' ? { ...usual, ...WITH_ETCD[config.profile] } : usual;
  switch (log.phase) {
    case 'steady':
      return { ...timing, goneGraceMs: timing.graceMs };
    case 'moving':
    case 'sealed':
      return { ...timing, graceMs: MOVE_GRACE_MS, goneGraceMs: MOVE_GRACE_MS };
    case 'settling':
      return { ...timing, goneGraceMs: MOVE_GRACE_MS };
  }
}
