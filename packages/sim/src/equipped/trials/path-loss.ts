import type { MirrorScenario } from '../../mirror/scenario.ts';
import type { SimNode } from '../../world/node.ts';
import type { Prng } from '../../world/prng.ts';

const LOST_MS = 4_000;
const REJOIN_MS = 2_000;
/** Of either side, from the moment of the loss on: with what passes until it is heard again it is less than what a peer is given up for. */
const STANDS_STILL_MS = 1_100;
/** By the operator's policy: what does not fit into the queue to an asynchronous peer is copied later. */
const AHEAD = 'it has taken what it was sent';

/**
 * One of several paths between the primary and a peer is lost, in one direction or both, while clients write, and perhaps a side stands still just then: the session
 * goes on over the others, so nobody loses anybody, and requests are answered.
 */
export function tryPathLoss(scenario: MirrorScenario, chance: Prng): void {
  const { equipment, history, hosts, nodes, primary, universe } = scenario;
  const other = chance.pick(nodes.filter((node) => node !== primary?.node));
  if (primary === undefined || other === undefined) return;
  // Connections that were lost under the last fault are there again.
  universe.runUntil(universe.nowMs + REJOIN_MS);
  const { node } = primary;
  const { network } = universe;
  const path = `${chance.whole(1, equipment.paths)}`;
  let isAhead = false;
  for (const [from, to] of [
    [node, other],
    [other, node],
  ] as const) {
    const host = hosts.get(from.name);
    if (host === undefined) return;
    host.process.onLog = (message) => {
      isAhead ||= message.includes(AHEAD);
      if (message.includes(`: lost ${to.name}:`) && !isAhead)
        universe.violate('trial', `path ${path} is lost, and with it the session: ${from.name}: ${message}`);
    };
  }
  const [there, back] = chance.weighted([
    [1, [true, true]],
    [1, [true, false]],
    [1, [false, true]],
  ] as const);
  const answered = history.answered;
  if (there) network.setLink(node, other, false, path);
  if (back) network.setLink(other, node, false, path);
  standStill(scenario, [node, other]);
  universe.runUntil(universe.nowMs + LOST_MS);
  if (history.answered === answered)
    universe.violate('trial', `path ${path} is lost, and nothing is answered for ${LOST_MS} ms`);
  network.setLink(node, other, true, path);
  network.setLink(other, node, true, path);
  universe.runUntil(universe.nowMs + REJOIN_MS);
  for (const { process } of hosts.values()) process.onLog = undefined;
}

/** Drawn apart, so that what other trials draw stays as it is. */
function standStill({ hosts, universe }: MirrorScenario, sides: readonly [SimNode, SimNode]): void {
  const chance = universe.prng('stands still when a path is lost');
  if (chance.chance(0.5)) return;
  const process = hosts.get(chance.pick(sides).name)?.process;
  process?.pause();
  universe.scheduler.after(chance.between(STANDS_STILL_MS / 2, STANDS_STILL_MS), () => process?.resume());
}
