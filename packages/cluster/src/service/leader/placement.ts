/**
 * Where a group runs: a pure function of what is configured, agreed and observed, that also says why. The same function places,
 * explains (`group explain`) and rehearses (`simulate --fail`).
 */
import { capacityObstacle } from '../../state/capacity.ts';
import type { ClusterState, GroupState } from '../../state/model.ts';
import { companyObstacle } from './company.ts';
import { volumesOf } from '../../state/references.ts';

export interface Observations {
  readonly alive: ReadonlySet<string>;
}

export interface Candidate {
  readonly node: string;
  readonly eligible: boolean;
  /** Half a sentence after the node's name. */
  readonly reason: string;
}

export interface Placement {
  /** Null: nowhere. */
  readonly chosen: string | null;
  /** One sentence. */
  readonly reason: string;
  /** In order of preference. */
  readonly candidates: readonly Candidate[];
}

/** The best node for a group that has to be started somewhere now. `avoid`: the node it is being taken from. */
export function place(
  state: ClusterState,
  group: GroupState,
  seen: Observations,
  avoid: string | null = null,
): Placement {
  const candidates = group.spec.nodes.map((node) => judge(state, group, seen, node, avoid));
  const wanted = candidates.find(({ node, eligible }) => eligible && node === group.move?.to);
  const eligible = candidates.filter((candidate) => candidate.eligible);
  const chosen = wanted ?? eligible.find(({ node }) => !crashedOn(state, group, node)) ?? eligible[0];
  return { chosen: chosen?.node ?? null, reason: explain(group, candidates, chosen), candidates };
}

function judge(
  state: ClusterState,
  group: GroupState,
  seen: Observations,
  node: string,
  avoid: string | null,
): Candidate {
  const obstacle =
    nodeObstacle(state, seen, node) ??
    (node === avoid ? 'is the node it has to leave' : undefined) ??
    failureObstacle(group, node) ??
    dataObstacle(state, group, node) ??
    companyObstacle(state, group, node) ??
    capacityObstacle(state, group, node);
  if (obstacle !== undefined) return { node, eligible: false, reason: obstacle };
  const crashed = crashedOn(state, group, node);
  const ready = crashed ? `went down as primary of ${crashed}, so others are preferred` : 'is ready';
  return { node, eligible: true, reason: ready };
}

/** The volume whose copy on `node` may lack what the node acknowledged before it went down. */
function crashedOn(state: ClusterState, group: GroupState, node: string): string | undefined {
  return volumesOf(group.spec).find((name) => state.volumes[name]?.crashed === node);
}

function nodeObstacle(state: ClusterState, seen: Observations, node: string): string | undefined {
  const member = state.members[node];
  if (!member) return 'is not a member any more';
  if (!seen.alive.has(node)) return 'is not heard';
  if (member.presence === 'leaving') return 'is being stopped';
  if (member.mode !== 'active') return `is in ${member.mode}`;
  return undefined;
}

function failureObstacle(group: GroupState, node: string): string | undefined {
  const failure = group.failures.find((record) => record.gaveUp && record.node === node);
  return failure && `could not keep ${failure.resource} running a short while ago`;
}

function dataObstacle(state: ClusterState, group: GroupState, node: string): string | undefined {
  const volume = volumesOf(group.spec).find((name) => {
    const set = state.volumes[name]?.inSyncSet;
    return set === undefined || (set.version > 0 && !set.members.includes(node));
  });
  return volume && `does not hold every acknowledged write of volume ${volume}`;
}

function explain(group: GroupState, candidates: readonly Candidate[], chosen: Candidate | undefined): string {
  const passedOver = candidates
    .slice(0, chosen ? candidates.indexOf(chosen) : undefined)
    .map(({ node, reason }) => `${node} ${reason}`)
    .join(', ');
  if (!chosen) return passedOver === '' ? 'the group has no nodes' : passedOver;
  const because =
    chosen.node === group.move?.to ? group.move.reason : preferenceReason(candidates, chosen, passedOver);
  return `${chosen.node} ${chosen.reason}; ${because}`;
}

function preferenceReason(candidates: readonly Candidate[], chosen: Candidate, passedOver: string): string {
  if (candidates[0] === chosen) return 'it is the preferred node';
  return `it is the first of the preferred nodes that may run it (${passedOver})`;
}
