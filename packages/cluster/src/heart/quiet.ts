/**
 * The rhythm of a large cluster: every beat of everybody to everybody costs with the square of the nodes, and only the leader decides who is lost. So a
 * node beats fast to the leader, the leader to everybody, and the others to each other in the rhythm of `wan`, and say so (envelope.ts). Pure.
 *
 *            a leader is known                    for a silence
 *   fast ───────────────────────────► announced ────────────────► slow
 *    ▲                                    │                          │
 *    └────────────────────────────────────┴── none for a silence ────┘
 *
 * `announced` is still fast and says already that it will be slow: nobody may take the slower rhythm for a loss.
 */
import { PROFILES } from '../profiles.ts';
import { SLOT_RHYTHM_LEVEL } from '../state/levels.ts';
import type { ClusterState } from '../state/model.ts';

/** From here on beats of everybody to everybody cost more than all else that a heart does. */
export const QUIET_MEMBERS_MIN = 9;

/** Of the beats of `lan` every so many. */
export const BEATS_PER_SLOW_BEAT = PROFILES.wan.heart.beatIntervalMs / PROFILES.lan.heart.beatIntervalMs;

/** Slots on disks say a node's rhythm once for all their readers, so nobody is slow beside them. */
export function isQuiet({
  members,
  config,
  level,
}: Pick<ClusterState, 'members' | 'config' | 'level'>): boolean {
  return (
    Object.keys(members).length >= QUIET_MEMBERS_MIN &&
    level >= SLOT_RHYTHM_LEVEL &&
    config.profile === 'lan' &&
    config.heartbeatDisks.length === 0
  );
}

/** Who grants this node its leases, since when without a gap, and when last. */
export interface Granting {
  readonly node: string;
  readonly sinceMs: number;
  readonly grantedMs: number;
}

export type Pace = 'fast' | 'announced' | 'slow';

const { silenceMs: SILENCE_MS } = PROFILES.lan.heart;

/** `before` is who granted until now. */
export function granted(before: Granting | undefined, node: string, nowMs: number): Granting {
  const goesOn = before?.node === node && nowMs - before.grantedMs < SILENCE_MS;
  return { node, sinceMs: goesOn ? before.sinceMs : nowMs, grantedMs: nowMs };
}

/** In which `self` beats to `peer`. */
export function paceTo(leader: Granting | undefined, self: string, peer: string, nowMs: number): Pace {
  if (leader === undefined || nowMs - leader.grantedMs >= SILENCE_MS) return 'fast';
  if (leader.node === self || leader.node === peer) return 'fast';
  return nowMs - leader.sinceMs < SILENCE_MS ? 'announced' : 'slow';
}

/** Whom `self` leads has heard of it and beats fast, or is lost, whatever it said before. */
export function isBeatenFast(leader: Granting | undefined, self: string, nowMs: number): boolean {
  return leader?.node === self && nowMs - leader.sinceMs >= 2 * SILENCE_MS;
}
