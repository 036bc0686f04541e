/** Why a group is where it is, and what would happen if a node stopped now: the placement function asked instead of obeyed. */
import { EterneError } from '@eterne/base';
import type { GroupState } from '../state/model.ts';
import type { FailureSimulation, GroupExplanation, SimulatedMove } from './facade.ts';
import { enforcementOf } from './leader/fencing.ts';
import { place } from './leader/placement.ts';
import { rehearseLoss } from './leader/rehearsal.ts';
import type { ServiceTiming } from './timing.ts';
import type { View } from './view.ts';

export function explainGroup(view: View, name: string): GroupExplanation {
  const group = view.state.groups[name];
  if (!group) throw new EterneError('not-found', `no group ${name}`);
  const alive = view.alive ?? new Set<string>();
  const placement = place(view.state, group, { alive });
  const fallback = group.owner === null ? undefined : place(view.state, group, { alive }, group.owner);
  return {
    group: name,
    owner: group.owner,
    chosen: placement.chosen,
    sentences: [
      whereItIs(group),
      ...placement.candidates.map(({ node, reason }) => `${node} ${reason}.`),
      `Placed anew it would run on ${placement.chosen ?? 'no node'}: ${placement.reason}.`,
      ...(fallback
        ? [`If ${group.owner} stopped it would run on ${fallback.chosen ?? 'no node'}: ${fallback.reason}.`]
        : []),
      ...failbackSentence(group),
    ],
    candidates: placement.candidates,
  };
}

function whereItIs(group: GroupState): string {
  const { name } = group.spec;
  const reason = group.reason === '' ? '' : ` (${group.reason})`;
  if (group.owner === null) return `Group ${name} is ${group.phase} and has no owner${reason}.`;
  return `Group ${name} is ${group.phase} on ${group.owner}${reason}.`;
}

function failbackSentence(group: GroupState): readonly string[] {
  const preferred = group.spec.nodes[0];
  if (!group.displaced || group.owner === null || group.owner === preferred) return [];
  const { enabled, window } = group.spec.failback;
  if (!enabled) return [`It stays there although ${preferred} is preferred: failback is off.`];
  return [`It returns to ${preferred} once that may run it${window === null ? '' : `, between ${window}`}.`];
}

export function simulateFailure(view: View, node: string): FailureSimulation {
  const { state, timing } = view;
  if (!state.members[node]) throw new EterneError('not-found', `no node ${node}`);
  const alive = new Set(view.alive);
  alive.delete(node);
  const quorate = hasMajority(view, alive);
  const moves = rehearseLoss(state, quorate ? alive : new Set(), node).map(({ group, placement }) => ({
    group: group.spec.name,
    from: node,
    to: placement.chosen,
    reason: quorate ? placement.reason : 'the rest has no majority',
    expectedOutageMs: placement.chosen === null ? null : takeOverBoundMs(timing),
  }));
  const sentences = [...simulationSentences(node, quorate, moves), ...fenceSentence(view, node, moves)];
  return { node, quorate, moves, sentences };
}

function hasMajority({ state, tie }: View, alive: ReadonlySet<string>): boolean {
  const votes = Object.keys(state.members).map((name) => alive.has(name));
  if (tie?.votes === true) votes.push(tie.trouble === undefined);
  return votes.filter(Boolean).length * 2 > votes.length;
}

/** The owner's lease may have been granted the moment it was lost; its end, grace and margin are waited out. */
function takeOverBoundMs(timing: ServiceTiming): number {
  return Math.max(timing.lostAfterMs, timing.leaseMs + timing.graceMs + timing.marginMs);
}

function fenceSentence(view: View, node: string, moves: readonly SimulatedMove[]): readonly string[] {
  if (moves.length === 0 || enforcementOf(view, node) !== 'fencing') return [];
  const agents = view.state.config.fencing.filter((device) => device.node === node).map(({ agent }) => agent);
  return [`Nothing moves before ${node} is fenced by ${agents.join(', ')}, however long that takes.`];
}

function simulationSentences(
  node: string,
  quorate: boolean,
  moves: readonly SimulatedMove[],
): readonly string[] {
  const quorum = quorate
    ? `Without ${node} the rest still has a majority.`
    : `Without ${node} the rest has no majority: nothing would be started.`;
  if (moves.length === 0) return [quorum, `${node} runs no group.`];
  return [
    quorum,
    ...moves.map(({ group, to, reason, expectedOutageMs }) =>
      to === null
        ? `Group ${group} would stay down: ${reason}.`
        : `Group ${group} would move to ${to} within about ${expectedOutageMs} ms, and start there: ${reason}.`,
    ),
  ];
}
