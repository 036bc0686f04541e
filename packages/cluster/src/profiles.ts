/**
 * Every time that depends on how far apart the nodes are, in one place, each with its reason. `lan`: one site, round trips of a few milliseconds;
 * `wan`: sites apart, round trips of up to 300 ms that now and then take seconds. What is measured in a node (start and stop of resources, checks,
 * disks) does not depend on it. `checkTimes` says what must hold between them.
 */
import { assert } from '@eterne/base';
import type { EtcdTiming } from './etcd/timing.ts';
import { UNKNOWN_LEASE_MS, type HeartTiming } from './heart/timing.ts';
import type { RaftTiming } from './raft/types.ts';
import type { ServiceTiming } from './service/timing.ts';
import type { Profile } from './state/model.ts';

export interface ProfileTimes {
  /** What a message and its answer may take while all is well. */
  readonly roundTripMs: number;
  readonly heart: HeartTiming;
  readonly raft: RaftTiming;
  readonly etcd: EtcdTiming;
  readonly service: ServiceTiming;
  /** Instead of `service`'s, while the log is in etcd: leases outlast an election among the etcd servers. */
  readonly withEtcd: Pick<ServiceTiming, 'leaseMs' | 'marginMs'>;
}

export const PROFILES: Readonly<Record<Profile, ProfileTimes>> = {
  lan: {
    roundTripMs: 20,
    heart: {
      beatIntervalMs: 200,
      // Five beats: DESIGN's "dead after 1 s".
      silenceMs: 1000,
      // Four requests within a lease.
      leaseIntervalMs: 150,
      // Two requests unanswered.
      leaderSilenceMs: 350,
    },
    raft: {
      heartbeatMs: 100,
      // Seven heartbeats.
      electionMinMs: 700,
      // Three turns of candidates, so that few stand at once.
      electionMaxMs: 1000,
      // A seventh of the minimum.
      driftMarginMs: 100,
      // Half a grace.
      toldMs: 400,
    },
    etcd: {
      beatMs: 500,
      // etcd elects a leader of its own within one to two seconds.
      takeOverMs: 3500,
      driftMarginMs: 350,
      pollMs: 250,
      requestMs: 800,
      retryMs: 100,
      giveUpMs: 5000,
    },
    service: {
      // A little more than an authority (electionMin − drift): that is what ends leases.
      leaseMs: 650,
      // An election without luck, and the first leases of the new leader.
      graceMs: 800,
      marginMs: 100,
      lostAfterMs: 1000,
      leaseReserveMs: 50,
      reachWaitMs: 500,
      promotionShowMs: 2000,
      retryMs: 100,
      failbackSettleMs: 10_000,
      nearMs: 50,
      reportMs: 200,
      tickMs: 50,
    },
    withEtcd: { leaseMs: 2900, marginMs: 350 },
  },
  wan: {
    roundTripMs: 300,
    heart: {
      beatIntervalMs: 1000,
      // Ten beats: DESIGN's "dead after 10 s".
      silenceMs: 10_000,
      leaseIntervalMs: 1000,
      leaderSilenceMs: 2500,
    },
    raft: {
      heartbeatMs: 1000,
      electionMinMs: 7000,
      electionMaxMs: 10_000,
      driftMarginMs: 1000,
      // Two round trips for the hand-over, two for the election, and as much again.
      toldMs: 2500,
    },
    etcd: {
      beatMs: 2000,
      // The etcd servers' own election takes several seconds over such ways.
      takeOverMs: 12_000,
      driftMarginMs: 1200,
      pollMs: 1000,
      requestMs: 3000,
      retryMs: 500,
      giveUpMs: 50_000,
    },
    service: {
      leaseMs: 6500,
      graceMs: 6000,
      marginMs: 1000,
      lostAfterMs: 10_000,
      leaseReserveMs: 500,
      reachWaitMs: 2000,
      promotionShowMs: 5000,
      retryMs: 500,
      failbackSettleMs: 60_000,
      nearMs: 500,
      reportMs: 1000,
      tickMs: 200,
    },
    withEtcd: { leaseMs: 10_000, marginMs: 1200 },
  },
};

/** The first thing that is wrong with `times`: a sentence. */
export function checkTimes(times: ProfileTimes): string | undefined {
  return RULES.find(([, holds]) => !holds(times))?.[0];
}

/** Boot clocks of different machines run at speeds that differ by no more than this share, with room to spare. */
const DRIFT_SHARE = 0.07;

/** Longest lease that a leader of the embedded log may grant (raft/heartbeats.ts). */
const authorityMs = ({ raft }: ProfileTimes): number => raft.electionMinMs - raft.driftMarginMs;

const RULES: readonly (readonly [string, (times: ProfileTimes) => boolean])[] = [
  [
    'a node is lost although only three of its beats are',
    ({ heart, roundTripMs }) => heart.silenceMs >= 4 * heart.beatIntervalMs + roundTripMs,
  ],
  [
    'the heart and the service call a node lost at different times',
    ({ heart, service }) => heart.silenceMs === service.lostAfterMs,
  ],
  [
    'a lease ends although only two requests for it are lost',
    (times) => 3 * times.heart.leaseIntervalMs + times.roundTripMs <= authorityMs(times),
  ],
  [
    'everybody is asked for a lease only when it is over',
    (times) => times.heart.leaderSilenceMs + times.roundTripMs <= authorityMs(times),
  ],
  ['who knows of no lease outlives the grace', ({ service }) => UNKNOWN_LEASE_MS <= service.graceMs],
  [
    'the margin of an authority is less than clocks drift apart',
    ({ raft }) => raft.driftMarginMs >= DRIFT_SHARE * raft.electionMinMs,
  ],
  [
    'an election is possible although only five heartbeats are lost',
    ({ raft }) => raft.electionMinMs >= 6 * raft.heartbeatMs,
  ],
  [
    'a lease ends although only one request for it is lost, where answers to heartbeats are two heartbeats old',
    (times) =>
      2 * times.heart.leaseIntervalMs + times.roundTripMs <= authorityMs(times) - 2 * times.raft.heartbeatMs,
  ],
  [
    'a lost leader costs what runs: no other can grant leases within their grace',
    (times) => authorityMs(times) + times.service.graceMs >= times.raft.electionMaxMs + 4 * times.roundTripMs,
  ],
  [
    'a hand-over without a successor costs what runs',
    ({ raft, service, roundTripMs }) => raft.toldMs + 6 * roundTripMs <= service.graceMs,
  ],
  [
    'the margin of a lease and its grace is less than clocks drift apart',
    (times) => times.service.marginMs >= DRIFT_SHARE * (authorityMs(times) + times.service.graceMs),
  ],
  [
    'the margin of an authority in etcd is less than clocks drift apart',
    ({ etcd }) => etcd.driftMarginMs >= DRIFT_SHARE * etcd.takeOverMs,
  ],
  [
    'a leader in etcd loses its authority although only two renewals are lost',
    ({ etcd }) => 3 * etcd.beatMs + etcd.requestMs <= etcd.takeOverMs - etcd.driftMarginMs,
  ],
  [
    'a lease in etcd is longer than any authority',
    ({ etcd, withEtcd }) => withEtcd.leaseMs <= etcd.takeOverMs - etcd.driftMarginMs,
  ],
  [
    'the margin of a lease in etcd and its grace is less than clocks drift apart',
    ({ withEtcd, service }) => withEtcd.marginMs >= DRIFT_SHARE * (withEtcd.leaseMs + service.graceMs),
  ],
];

for (const [name, times] of Object.entries(PROFILES)) {
  const wrong = checkTimes(times);
  assert(wrong === undefined, `profile ${name}: ${wrong}`);
}
