/** Does a node hold what a group's volumes hold? Asynchronous copies follow their primary, and may lack its newest writes. */
import type { ClusterState, GroupState, VolumeState } from '../../state/model.ts';
import { volumesOf } from '../../state/references.ts';

export type DataOnNode =
  | { readonly kind: 'whole' }
  /** Asynchronous volumes whose newest writes are lost with their primary, and need not be waited for (`asyncTakeover: auto`). */
  | {
      readonly kind: 'older';
      readonly lacking: readonly VolumeState[];
      /** What was acknowledged before this is there. */
      readonly hasUntilMs: number;
    }
  /** Half a sentence after the node's name. */
  | { readonly kind: 'unfit'; readonly reason: string };

export function dataOn(
  state: ClusterState,
  group: GroupState,
  alive: ReadonlySet<string>,
  node: string,
): DataOnNode {
  const lacking: VolumeState[] = [];
  let hasUntilMs = Infinity;
  for (const name of volumesOf(group.spec)) {
    const volume = state.volumes[name];
    if (volume && (holds(volume, node) || follows(volume, alive, node))) continue;
    const until = volume && mayGiveUp(volume, alive) ? toldOf(volume, node)?.hasUntilMs : undefined;
    if (volume?.spec.joined !== undefined)
      return { kind: 'unfit', reason: `does not reach the devices of volume ${name}` };
    if (volume === undefined || until === undefined || until === null)
      return { kind: 'unfit', reason: `does not hold every acknowledged write of volume ${name}` };
    lacking.push(volume);
    hasUntilMs = Math.min(hasUntilMs, until);
  }
  return lacking.length === 0 ? { kind: 'whole' } : { kind: 'older', lacking, hasUntilMs };
}

function holds({ inSyncSet, spec }: VolumeState, node: string): boolean {
  if (spec.joined !== undefined) return spec.replicas.some((replica) => replica.node === node);
  return inSyncSet.version === 0 || inSyncSet.members.includes(node);
}

/** A primary that stops in order takes into the set whoever has followed it. */
function follows(volume: VolumeState, alive: ReadonlySet<string>, node: string): boolean {
  const { spec, primary } = volume;
  const mayStop = spec.mode === 'async' && primary !== null && alive.has(primary);
  return mayStop && (toldOf(volume, node)?.lagBytes ?? null) !== null;
}

/** Only when every holder of the newest writes is silent: a node that is there but cannot run the group is an operator's matter. */
function mayGiveUp({ spec, inSyncSet }: VolumeState, alive: ReadonlySet<string>): boolean {
  return (
    spec.mode === 'async' &&
    spec.asyncTakeover === 'auto' &&
    !inSyncSet.members.some((member) => alive.has(member))
  );
}

function toldOf({ summary }: VolumeState, node: string): VolumeState['summary'][number] | undefined {
  return summary.find((told) => told.node === node);
}
