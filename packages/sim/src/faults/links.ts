/** Cut, slow, lossy and corrupting links. */
import { changeLink, type LinkChange } from '../world/link-changes.ts';
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
function changeLinks(plan: FaultPlan, node: SimNode, change: () => LinkChange): () => void {
  const { network } = plan.victims.universe;
  const ends = plan.others(node).map((other) => changeLink(network.linkBetween(node, other), change()));
  return () => {
    for (const end of ends) end();
  };
}
