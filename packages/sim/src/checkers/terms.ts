/** Invariant 2, where terms may have several grantors: one is granted once, to one node, and only that node serves it. */
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import type { Term } from '@eterne/disk/engine/api.ts';
import type { Universe } from '../world/universe.ts';

export class TermsChecker {
  private readonly universe: Universe;
  private readonly holders = new Map<string, string>();

  constructor(universe: Universe) {
    this.universe = universe;
  }

  applied({ volumes }: ClusterState): void {
    for (const { term, primary } of Object.values(volumes)) {
      if (primary === null || term.number === 0) continue;
      const known = this.holders.get(nameOf(term));
      if (known === undefined) this.holders.set(nameOf(term), primary);
      else if (known !== primary)
        this.universe.violate('term', `term ${nameOf(term)} is granted to ${known} and to ${primary}`);
    }
  }

  served(node: string, term: Term): void {
    const holder = this.holders.get(nameOf(term));
    if (holder !== node)
      this.universe.violate('term', `${node} serves term ${nameOf(term)}, which is ${holder ?? 'nobody'}’s`);
  }
}

function nameOf({ number, grantor }: Term): string {
  return `${number} of ${grantor}`;
}
