/** Which targets share a process. */
import type { TargetSpec } from '../config.ts';

/** A process costs some tens of MiB, whatever it serves. */
const MAX_PROCESSES = 16;

export interface TargetGroup {
  readonly targets: readonly TargetSpec[];
  /** One store in the process: it may be waited for, which is the shortest way of a write; else nothing that could hang is. */
  readonly alone: boolean;
}

/** Each target has a process of its own, as far as there are enough; the last one takes the rest. */
export function groupTargets(targets: readonly TargetSpec[]): readonly TargetGroup[] {
  const own = targets.length <= MAX_PROCESSES ? targets : targets.slice(0, MAX_PROCESSES - 1);
  const rest = targets.slice(own.length);
  return [...own.map((target) => [target]), ...(rest.length === 0 ? [] : [rest])].map((group) => ({
    targets: group,
    alone: group.length === 1 && group[0]?.luns.length === 1,
  }));
}
