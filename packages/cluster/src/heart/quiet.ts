/**
 * The rhythm of a large cluster: every beat of everybody to everybody costs with the square of the nodes, and only the leader decides who is lost. So a
 * node beats fast to the leader, the leader to everybody, and the others to each other slowly, with the silence of `wan`, and say so (envelope.ts). Pure.
 *
 *            a leader is known                    for a silence
 *   fast ───────────────────────────► announced ────────────────► slow
 *
 * `announced` is still fast and says already that it will be slow: nobody may take the slower rhythm for a loss. While nobody grants
 * it stays as it was by the last leader: to beat faster just when a machine is too busy to lead would keep it from ever leading again.
 */
import { PROFILES } from '../profiles.ts';
import { SLOT_RHYTHM_LEVEL } from '../state/levels.ts';
import type { ClusterState } from '../state/model.ts';

/** From here on beats of everybody to everybody cost more than all else that a heart does. */
export const QUIET_MEMBERS_MIN = 9;

/** Four within the silence of `wan`. */
const SLOW_BEAT_MS = 2400;
/** Of the beats of `lan` every so many. */
export const BEATS_PER_SLOW_BEAT = SLOW_BEAT_MS / PROFILES.lan.heart.beatIntervalMs;

export function isLarge({ members }: Pick<ClusterState, 'members'>): boolean {
  return Object.keys(members).length >= QUIET_MEMBERS_MIN;
}

/** Slots on disks say a node's rhythm once for all their readers, so nobody is slow beside them. */
export function isQuiet({
  members,
  config,
  level,
}: Pick<ClusterState, 'members' | 'config' | 'level'>): boolean {
  return (
    isLarge({ members }) &&
    level >= SLOT_RHYTHM_LEVEL &&
    config.profile === 'lan' &&
    config.heartbeatDisks.length === 0
  );
}

/** Who grants this node its leases, since when, and who did before. */
export interface Granting {
  readonly node: string;
  readonly sinceMs: number;
  readonly grantedMs: number;
  readonly before: string | undefined;
}

export type Pace = 'fast' | 'announced' | 'slow';

const { silenceMs: SILENCE_MS } = PROFILES.lan.heart;

/** `known` is who granted until now. */
export function granted(known: Granting | undefined, node: string, nowMs: number): Granting {
  if (known?.node === node) return { ...known, grantedMs: nowMs };
  return { node, sinceMs: nowMs, grantedMs: nowMs, before: known?.node };
}

/** In which `self` beats to `peer`. */
export function paceTo(leader: Granting | undefined, self: string, peer: string, nowMs: number): Pace {
  if (leader === undefined || leader.node === self || leader.node === peer) return 'fast';
  const wasFast = leader.before === undefined || leader.before === self || leader.before === peer;
  return wasFast && nowMs - leader.sinceMs < SILENCE_MS ? 'announced' : 'slow';
}

/** Without a leader everybody asks everybody for a lease; of many each asks only so often, and a lease is still long enough by then for the first answer. */
export const REQUESTS_PER_CALL_TO_ALL = 3;

/** Whom `self` leads has heard of it and beats fast, or is lost, whatever it said before. */
export function isBeatenFast(leader: Granting | undefined, self: string, nowMs: number): boolean {
  return leader?.node === self && nowMs - leader.sinceMs >= 2 * SILENCE_MS;
}
