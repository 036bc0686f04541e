/** Why a group is where it is: the placement function asked instead of obeyed. */
import type { ClusterState, GroupState } from '../state/model.ts';
import type { GroupExplanation } from './facade.ts';
import { concernsOf } from './leader/footing.ts';
import { place } from './leader/placement.ts';
import { heldBy } from '../state/held.ts';
import { errorOf, noSuch } from '../state/outcome.ts';
import type { View } from './view.ts';

export function explainGroup(view: View, name: string): GroupExplanation {
  const group = view.state.groups[name];
  if (!group) throw errorOf(noSuch('group', name, view.state.groups));
  const alive = view.alive ?? new Set<string>();
  const placement = place(view.state, group, { alive });
  const fallback = group.owner === null ? undefined : place(view.state, group, { alive }, group.owner);
  return {
    group: name,
    owner: group.owner,
    chosen: placement.chosen,
    sentences: [
      ...(view.leadership.quorate
        ? []
        : [`${view.self} is not in contact with a majority: this is what it knew when it last was.`]),
      whereItIs(group),
      ...placement.candidates.map(({ node, reason }) => `${node} ${reason}.`),
      `Placed anew it would run on ${placement.chosen ?? 'no node'}: ${placement.reason}.`,
      ...(fallback
        ? [`If ${group.owner} stopped it would run on ${fallback.chosen ?? 'no node'}: ${fallback.reason}.`]
        : []),
      ...troubleSentences(view.state, group),
      ...failureSentence(group),
      ...failbackSentence(group),
      ...heldSentence(view.state, group),
    ],
    candidates: placement.candidates.map(({ node, eligible, reason }) => ({ node, eligible, reason })),
  };
}

function whereItIs(group: GroupState): string {
  const { name } = group.spec;
  const reason = group.reason === '' ? '' : ` (${group.reason})`;
  if (group.owner === null) return `Group ${name} is ${group.phase} and has no owner${reason}.`;
  return `Group ${name} is ${group.phase} on ${group.owner}${reason}.`;
}

/** What is wrong where it runs, and what follows from it. */
function troubleSentences(state: ClusterState, group: GroupState): readonly string[] {
  const { owner } = group;
  if (owner === null) return [];
  return concernsOf(state, group, owner).map(({ trouble, policy }) =>
    policy === 'move'
      ? `It stands on trouble of ${owner} (${trouble.detail}) and leaves as soon as a node without such trouble may run it.`
      : `It stands on trouble of ${owner} (${trouble.detail}) and stays: the policy is to warn.`,
  );
}

/** Where it failed for good it is not tried again before the failure is old: a person knows sooner that it is mended. */
function failureSentence({ failures, spec }: GroupState): readonly string[] {
  if (!failures.some(({ gaveUp }) => gaveUp)) return [];
  return [`Why it failed is in \`eterne events\`; \`eterne group start ${spec.name}\` forgets that.`];
}

function failbackSentence(group: GroupState): readonly string[] {
  const preferred = group.spec.nodes[0];
  if (!group.displaced || group.owner === null || group.owner === preferred) return [];
  const { enabled, window } = group.spec.failback;
  if (!enabled) return [`It stays there although ${preferred} is preferred: failback is off.`];
  return [`It returns to ${preferred} once that may run it${window === null ? '' : `, between ${window}`}.`];
}

function heldSentence(state: ClusterState, group: GroupState): readonly string[] {
  const held = heldBy(state, group);
  return held === undefined ? [] : [`Nothing is done about it: ${held}.`];
}
