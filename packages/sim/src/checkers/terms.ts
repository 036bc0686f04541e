/**
 * Invariant 2, where terms may have several grantors: one is granted once, to one node, and only that node serves it; its number is above every one that the replica
 * had kept to.
 */
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import type { Term } from '@eterne/disk/engine/api.ts';
import type { Universe } from '../world/universe.ts';

export class TermsChecker {
  private readonly universe: Universe;
  private readonly holders = new Map<string, string>();
  /** What each replica keeps to, and what it kept to before. */
  private readonly kept = new Map<string, { readonly last: Term; readonly before: Term | undefined }>();

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

  /** Whatever the replica of a node keeps to now; a copy from the other side may have taken it to a lower number. */
  keeps(node: string, term: Term): void {
    const last = this.kept.get(node)?.last;
    if (last === undefined || nameOf(last) !== nameOf(term))
      this.kept.set(node, { last: term, before: last });
  }

  served(node: string, term: Term): void {
    const holder = this.holders.get(nameOf(term));
    if (holder !== node)
      this.universe.violate('term', `${node} serves term ${nameOf(term)}, which is ${holder ?? 'nobody'}’s`);
    this.keeps(node, term);
    const before = this.kept.get(node)?.before;
    if (before !== undefined && before.number >= term.number)
      this.universe.violate('term', `${node} serves term ${nameOf(term)} after it kept to ${nameOf(before)}`);
  }
}

function nameOf({ number, grantor }: Term): string {
  return `${number} of ${grantor}`;
}
