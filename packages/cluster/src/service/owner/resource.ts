/** One resource of a group as its owner sees it. */
import { assert } from '@eterne/base';
import type { ResourceSpec, ResourceState } from '../../ports.ts';
import type { GroupSpec, ResourceDefinition, ResourceSummary } from '../../state/model.ts';
import { replaceReferences } from '../../state/references.ts';
import type { PromotedMirror } from './mirror-health.ts';
import type { LocalState } from './next-step.ts';

export interface LocalResource {
  readonly definition: ResourceDefinition;
  readonly state: LocalState;
  readonly reason: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Of a running mirror resource. */
  readonly mirror: PromotedMirror | undefined;
}

/** As the agreed state last had it, to be probed (`unknown`) or just killed (`stopped`). */
export function localResources(
  spec: GroupSpec,
  agreed: readonly ResourceSummary[],
  state: 'unknown' | 'stopped',
): LocalResource[] {
  return spec.resources.map((definition) => {
    const summary = agreed.find(({ name }) => name === definition.name);
    const outputs = state === 'unknown' ? (summary?.outputs ?? {}) : {};
    return { definition, state, reason: '', outputs, mirror: undefined };
  });
}

/** What monitor and agent need; or which reference has no value. */
export function resourceSpec(
  group: string,
  resources: readonly LocalResource[],
  index: number,
): { readonly spec: ResourceSpec; readonly missing: string | undefined } {
  const definition = resources[index]?.definition;
  assert(definition !== undefined, 'a resource is named by its index');
  const outputs = new Map(
    resources.slice(0, index).map((earlier) => [earlier.definition.name, earlier.outputs]),
  );
  const { params, missing } = replaceReferences(definition.params, outputs);
  const first = missing[0];
  return {
    spec: { group, name: definition.name, type: definition.type, params },
    missing: first && `\${${first.resource}.${first.key}} has no value`,
  };
}

const SHOWN: Readonly<Record<LocalState, ResourceState>> = {
  unknown: 'unknown',
  stopped: 'stopped',
  running: 'running',
  failed: 'failed',
};

export function summarise(resources: readonly LocalResource[]): readonly ResourceSummary[] {
  return resources.map(({ definition, state, reason, outputs }) => ({
    name: definition.name,
    state: SHOWN[state],
    reason,
    outputs,
  }));
}
