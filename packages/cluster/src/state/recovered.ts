/** A cluster that lost its majority for good, gone on with by one of its nodes as another cluster (node/recover.ts). Pure. */
import { freeGroupsOf, withGroup } from './groups.ts';
import { copiesOf } from './joined.ts';
import { sortedValues, type ClusterState, type VolumeState } from './model.ts';
import { withEvent } from './outcome.ts';

const RECOVERED = 'cluster.recovered';

export interface RecoveryOrder {
  /** Who goes on. */
  readonly node: string;
  /** Of the new cluster, UUID. */
  readonly clusterId: string;
  /** Wall clock, ms since the epoch. */
  readonly atMs: number;
}

/**
 * The others stay members that are lost, so that what is configured stays; all that they had is free. Terms of volumes have the new cluster for their grantor, so that no
 * replica takes one of the former cluster for one of this.
 */
export function recoveredState(state: ClusterState, { node, clusterId, atMs }: RecoveryOrder): ClusterState {
  const stamp = { atMs, by: 'root' };
  const others = membersBeside(state, node);
  const members = Object.fromEntries(
    sortedValues(state.members).map((member) => [
      member.name,
      others.includes(member.name) ? { ...member, presence: 'lost' as const } : member,
    ]),
  );
  const renamed: ClusterState = { ...state, clusterId, grantor: null, alone: null, fences: {}, members };
  const said = withEvent(renamed, stamp, {
    level: 'error',
    code: RECOVERED,
    node,
    message: `${node} goes on as a new cluster, by an operator's word, without ${others.join(', ')}: what only they had decided or written is lost to it, and they have to join anew from empty folders`,
  });
  const freed = others.reduce(
    (next, other) => freeGroupsOf(next, stamp, other, `was left out when ${node} went on as a new cluster`),
    said,
  );
  return withoutMovesTo(freed, others);
}

/** Who joins anew joins as another: no group waits for it, whatever was on its way when it was left out. */
function withoutMovesTo(state: ClusterState, nodes: readonly string[]): ClusterState {
  let next = state;
  for (const group of sortedValues(state.groups))
    if (nodes.includes(group.move?.to ?? '')) next = withGroup(next, { ...group, move: null });
  return next;
}

/** Of a recovered state: wall clock of the newest event before. */
export function knownUntilMs({ events }: Pick<ClusterState, 'events'>): number {
  const recovery = events.findLastIndex(({ code }) => code === RECOVERED);
  return (events[recovery - 1] ?? events[recovery])?.atMs ?? 0;
}

/** Sorted. */
export function membersBeside(state: Pick<ClusterState, 'members'>, node: string): readonly string[] {
  return sortedValues(state.members)
    .map(({ name }) => name)
    .filter((name) => name !== node);
}

/** Volumes whose copy on `node` is none of those that have everything: what it lacks has to be accepted before they are served. */
export function volumesLackedBy(state: Pick<ClusterState, 'volumes'>, node: string): readonly string[] {
  const lacks = ({ spec, inSyncSet }: VolumeState): boolean =>
    inSyncSet.version > 0 && copiesOf(spec).includes(node) && !inSyncSet.members.includes(node);
  return sortedValues(state.volumes)
    .filter(lacks)
    .map(({ spec }) => spec.name);
}
