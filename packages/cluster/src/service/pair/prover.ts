/**
 * How a node of a pair makes certain that the other has stopped, when the tie-breaker is fencing:
 *
 *   priority delay (none for the node that owns more groups) → reference addresses → fence the other → proven
 *
 * A pair that prefers availability goes by silence. There the delay is what a lease, its grace and the margin last, less the silence that has passed: a link that is gone
 * for less costs nothing, and the other has frozen and let go of what it cannot go on with.
 *
 * 1. Whoever is heard again meanwhile is not fenced.
 * 2. Nor is anybody once it is not sought any more: an operator who has said that a node is off may be starting it already.
 * 3. Silence lets a node go on only by a tie-breaker of the kind `solo`, whose halves find out about each other. The one before it may still vote when the pair has just begun to prefer
 *    availability: held by both, two histories would be taken for one (invariant 4).
 * 4. The delay makes one of two nodes that cannot hear each other shoot first: the one with the groups.
 */
import type { World } from '@eterne/runtime';
import type { MonitorPort } from '../../ports.ts';
import type { TieKind } from '../../raft/tie/tie-id.ts';
import { prefersAvailability, sortedValues, type ClusterState } from '../../state/model.ts';
import { timingOf } from '../timing.ts';

export interface ProverParts {
  readonly world: Pick<World, 'timers'>;
  readonly self: string;
  readonly monitor: Pick<MonitorPort, 'fence' | 'ping'>;
  readonly state: () => ClusterState;
  readonly isLost: (node: string) => boolean;
}

type Proof = { readonly how: string } | { readonly trouble: string };

export function proveStopped(
  parts: ProverParts,
  tie: TieKind,
  node: string,
  isSought: () => boolean,
  done: (proof: Proof) => void,
): void {
  const { config } = parts.state();
  const { tieBreaker } = config;
  if (tie === 'solo' && prefersAvailability(config)) return missNode(parts, node, done);
  if (tieBreaker.kind !== 'fencing')
    return parts.world.timers.soon(() =>
      done({
        trouble: `only an operator can say that ${node} is off: \`eterne node confirm-stopped ${node}\``,
      }),
    );
  const delayMs = hasPriority(parts.state(), parts.self, node) ? 0 : tieBreaker.delayMs;
  return void parts.world.timers.after(delayMs, () =>
    lookAround(parts, tieBreaker.ping, () => shoot(parts, node, isSought, done), done),
  );
}

/** What has passed since the heart lost it counts: a lease with its grace is over when the delay is. */
function missNode(parts: ProverParts, node: string, done: (proof: Proof) => void): void {
  const { leaseMs, goneGraceMs, marginMs, lostAfterMs } = timingOf(parts.state());
  const delayMs = hasPriority(parts.state(), parts.self, node)
    ? 0
    : Math.max(0, leaseMs + goneGraceMs + marginMs - lostAfterMs);
  const settle = (): void =>
    done(
      parts.isLost(node)
        ? { how: `${node} is not heard on any path, and this pair prefers availability` }
        : { trouble: `${node} is heard again` },
    );
  return void parts.world.timers.after(delayMs, () =>
    lookAround(parts, parts.state().config.ping, settle, done),
  );
}

function lookAround(
  parts: ProverParts,
  ping: readonly string[],
  next: () => void,
  done: (proof: Proof) => void,
): void {
  if (ping.length === 0) return next();
  return parts.monitor.ping(ping, (reached) => {
    if (reached) next();
    else
      done({ trouble: `none of ${ping.join(', ')} answers: this node seems to be the one that is cut off` });
  });
}

function shoot(
  parts: ProverParts,
  node: string,
  isSought: () => boolean,
  done: (proof: Proof) => void,
): void {
  if (!parts.isLost(node)) return done({ trouble: `${node} is heard again` });
  if (!isSought()) return done({ trouble: `how ${node} stopped has been settled meanwhile` });
  const devices = parts.state().config.fencing.filter((device) => device.node === node);
  return parts.monitor.fence({ node, devices }, ({ confirmed, reason }) =>
    done(
      confirmed
        ? { how: `fenced by ${parts.self}: ${reason}` }
        : { trouble: `${node} could not be fenced: ${reason}` },
    ),
  );
}

/** The node that owns more groups; of equals the one whose name comes first. */
export function hasPriority({ groups }: ClusterState, self: string, other: string): boolean {
  const owned = (name: string): number => sortedValues(groups).filter(({ owner }) => owner === name).length;
  const more = owned(self) - owned(other);
  return more === 0 ? self < other : more > 0;
}
