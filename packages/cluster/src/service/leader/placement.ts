/**
 * Where a group runs: a pure function of what is configured, agreed and observed, that also says why. The same function places,
 * explains (`group explain`) and rehearses (`simulate --fail`).
 */
import { capacityObstacle } from '../../state/capacity.ts';
import type { ClusterState, GroupState, VolumeState } from '../../state/model.ts';
import { companyObstacle } from './company.ts';
import { dataOn } from './data.ts';
import { concernsOf, reasonToLeave } from './footing.ts';
import { volumesOf } from '../../state/references.ts';

export interface Observations {
  readonly alive: ReadonlySet<string>;
}

export interface Candidate {
  readonly node: string;
  readonly eligible: boolean;
  /** Half a sentence after the node's name. */
  readonly reason: string;
  /** Volumes whose newest writes would be given up there, and until when everything is there. */
  readonly lacking: readonly VolumeState[];
  readonly hasUntilMs: number;
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
  const whole = eligible.filter(({ lacking }) => lacking.length === 0);
  const isSound = ({ node }: Candidate): boolean => reasonToLeave(state, group, node) === undefined;
  const stayed = whole.filter(({ node }) => crashedOn(state, group, node) === undefined);
  const chosen =
    wanted ??
    stayed.find(isSound) ??
    stayed[0] ??
    whole.find(isSound) ??
    whole[0] ??
    newest(eligible.filter(isSound)) ??
    newest(eligible);
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
    companyObstacle(state, group, node) ??
    capacityObstacle(state, group, node);
  const data = dataOn(state, group, seen.alive, node);
  const nothing = { node, lacking: [], hasUntilMs: Infinity };
  if (obstacle !== undefined) return { ...nothing, eligible: false, reason: obstacle };
  if (data.kind === 'unfit') return { ...nothing, eligible: false, reason: data.reason };
  if (data.kind === 'older') return { node, eligible: true, reason: olderReason(data), ...data };
  const crashed = crashedOn(state, group, node);
  const ready = crashed ? `went down as primary of ${crashed}, so others are preferred` : 'is ready';
  return { ...nothing, eligible: true, reason: `${ready}${troubleReason(state, group, node)}` };
}

function troubleReason(state: ClusterState, group: GroupState, node: string): string {
  const details = concernsOf(state, group, node).map(({ trouble }) => trouble.detail);
  return details.length === 0 ? '' : `, but has trouble: ${details.join(', ')}`;
}

function olderReason({ lacking }: { readonly lacking: readonly VolumeState[] }): string {
  const names = lacking.map(({ spec }) => spec.name).join(', ');
  return `may lack the newest writes of ${names}, which asyncTakeover allows to be given up`;
}

function newest(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (best, next) => (best === undefined || next.hasUntilMs > best.hasUntilMs ? next : best),
    undefined,
  );
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
