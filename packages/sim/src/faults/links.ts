/** Cut, slow, lossy and corrupting links. */
import type { Link } from '../world/network.ts';
import type { SimNode } from '../world/node.ts';
import type { Fault, FaultPlan } from './plan.ts';

export const LINK_FAULTS: Readonly<Record<string, Fault>> = {
  cut: (plan, node, chance) => plan.cut([node, plan.other(node)], chance),
  isolation: (plan, node, chance) => plan.cutOff(node, plan.pickDirections(chance)),
  'slow link': (plan, node, chance) =>
    changeLinks(plan, node, () => ({ latencyMs: [1, chance.between(2, 150)] })),
  'lossy link': (plan, node, chance) =>
    changeLinks(plan, node, () => ({ loss: chance.between(0.05, 0.6), duplicates: 0.2 })),
  'corrupting link': (plan, node, chance) =>
    changeLinks(plan, node, () => ({ corruption: chance.between(0.001, 0.1) })),
};

/** Changes the links from `node` to all others until the fault ends. */
function changeLinks(plan: FaultPlan, node: SimNode, change: () => Partial<Link>): () => void {
  const { network } = plan.victims.universe;
  const links = plan.others(node).map((other) => network.linkBetween(node, other));
  const before = links.map((link) => ({ ...link }));
  for (const link of links) Object.assign(link, change());
  return () => {
    for (const [i, link] of links.entries()) Object.assign(link, before[i], { up: link.up });
  };
}
