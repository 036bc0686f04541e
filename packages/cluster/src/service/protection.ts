/**
 * Groups that would go on at once if the node that runs them stopped now. Pure. Every loss is rehearsed, and people and programs ask for the status again
 * and again: so only what a loss concerns is rehearsed, and the answer is kept as long as what it depends on stays.
 */
import type { ClusterState, GroupState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import { rehearse } from './leader/rehearsal.ts';
import { hasMajority } from './simulate.ts';
import type { View } from './view.ts';

type Names = ReadonlySet<string>;

const kept = new WeakMap<ClusterState, { readonly seen: string; readonly covered: Names }>();

export function protectedGroups(view: View): Names {
  const { alive, state, leadership } = view;
  if (alive === undefined || !leadership.quorate) return new Set();
  const seen = JSON.stringify([[...alive].toSorted(), view.tie, view.logMembers]);
  const known = kept.get(state);
  if (known?.seen === seen) return known.covered;
  const covered = rehearsed(view, alive);
  kept.set(state, { seen, covered });
  return covered;
}

function rehearsed(view: View, heard: Names): Names {
  const covered = new Set<string>();
  const groups = sortedValues(view.state.groups);
  const bound = boundGroups(groups);
  for (const owner of new Set(groups.map((group) => group.owner))) {
    const alive = new Set([...heard].filter((name) => name !== owner));
    if (owner === null || !hasMajority(view, alive)) continue;
    const own = groups.filter((group) => group.owner === owner).map(({ spec }) => spec.name);
    const concerned = new Set([...own, ...bound]);
    const only = ({ spec }: GroupState): boolean => concerned.has(spec.name);
    for (const { group, from, to } of rehearse(view, { alive, failback: false, only }).moves)
      if (from === owner && to !== null) covered.add(group.spec.name);
  }
  return covered;
}

/** Where those are placed depends on where others are, or the other way round: by a rule, or by room that they take. */
function boundGroups(groups: readonly GroupState[]): Names {
  const bound = new Set<string>();
  for (const { spec } of groups) {
    const named = [...spec.rules.with, ...spec.rules.apart, ...spec.rules.after];
    if (named.length > 0 || Object.keys(spec.demand).length > 0) bound.add(spec.name);
    for (const name of named) bound.add(name);
  }
  return bound;
}
