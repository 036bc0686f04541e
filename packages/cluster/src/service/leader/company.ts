/** What the rules between groups say of one group on one node. One-sided: the group adapts to the others, never the others to it. */
import { strayObstacle } from '../../state/strays.ts';
import type { ClusterState, GroupState } from '../../state/model.ts';

/** Half a sentence after the node's name; undefined: no rule is against it. */
export function companyObstacle(state: ClusterState, group: GroupState, node: string): string | undefined {
  const { rules } = group.spec;
  return (
    first(rules.with, (name) => {
      const owner = state.groups[name]?.owner ?? null;
      if (owner === null) return `has to wait for group ${name}, with which it runs`;
      return owner === node ? undefined : `is not where group ${name} runs`;
    }) ??
    first(rules.apart, (name) =>
      state.groups[name]?.owner === node ? `runs group ${name}, from which it keeps apart` : undefined,
    )
  );
}

/** Why it may not be started anywhere yet. */
export function orderObstacle(state: ClusterState, group: GroupState): string | undefined {
  const stray = strayObstacle(group);
  if (stray !== undefined) return stray;
  return first(group.spec.rules.after, (name) =>
    state.groups[name]?.phase === 'online'
      ? undefined
      : `it is started after group ${name}, which is not online`,
  );
}

function first(names: readonly string[], rule: (name: string) => string | undefined): string | undefined {
  for (const name of names) {
    const broken = rule(name);
    if (broken !== undefined) return broken;
  }
  return undefined;
}
