import type { GroupSpec, ResourceSummary } from './model.ts';

/** Every resource of a group that runs nowhere. */
export function stoppedResources(spec: GroupSpec): readonly ResourceSummary[] {
  return spec.resources.map(({ name }) => ({ name, state: 'stopped', reason: '', outputs: {} }));
}
