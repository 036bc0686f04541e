/** The resources of one group as its owner sees them, in starting order. */
import { isDeepStrictEqual } from 'node:util';
import { assert } from '@eterne/base';
import type { ResourceSpec, ResourceState } from '../../ports.ts';
import type { ClusterState, GroupSpec, ResourceDefinition, ResourceSummary } from '../../state/model.ts';
import { replaceReferences, volumeOf } from '../../state/references.ts';
import type { View } from '../view.ts';
import type { PromotedMirror } from './mirror-health.ts';
import { provenSecondary } from './mirror-health.ts';
import type { LocalState } from './next-step.ts';

export interface LocalResource {
  readonly definition: ResourceDefinition;
  readonly state: LocalState;
  readonly reason: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Of a running mirror resource. */
  readonly mirror: PromotedMirror | undefined;
}

export class GroupResources {
  readonly #group: string;
  readonly #items: LocalResource[];

  private constructor(group: string, items: LocalResource[]) {
    this.#group = group;
    this.#items = items;
  }

  static none(group: string): GroupResources {
    return new GroupResources(group, []);
  }

  /** Known to run nowhere here. */
  static stopped({ name, resources }: GroupSpec): GroupResources {
    return new GroupResources(
      name,
      resources.map((definition) => ({
        definition,
        state: 'stopped',
        reason: '',
        outputs: {},
        mirror: undefined,
      })),
    );
  }

  /** To be probed; the outputs are those that the log has. */
  static unknown({ name, resources }: GroupSpec, agreed: readonly ResourceSummary[]): GroupResources {
    return new GroupResources(
      name,
      resources.map((definition) => {
        const outputs = agreed.find((summary) => summary.name === definition.name)?.outputs ?? {};
        return { definition, state: 'unknown', reason: '', outputs, mirror: undefined };
      }),
    );
  }

  at(index: number): LocalResource {
    const resource = this.#items[index];
    assert(resource !== undefined, 'a resource is named by its index');
    return resource;
  }

  set(index: number, change: Partial<Omit<LocalResource, 'definition'>>): void {
    const next = { ...this.at(index), ...change };
    this.#items[index] = next.state === 'running' ? next : { ...next, mirror: undefined };
  }

  /** −1 when there is none of this name. */
  indexOf(name: string): number {
    return this.#items.findIndex(({ definition }) => definition.name === name);
  }

  entries(): [number, LocalResource][] {
    return [...this.#items.entries()];
  }

  states(): readonly LocalState[] {
    return this.#items.map(({ state }) => state);
  }

  allAre(state: LocalState): boolean {
    return this.#items.every((resource) => resource.state === state);
  }

  firstFailed(): LocalResource | undefined {
    return this.#items.find(({ state }) => state === 'failed');
  }

  /** Volume of a mirror resource. */
  volumeAt(index: number): string | undefined {
    return volumeOf(this.at(index).definition);
  }

  /** What monitor and agent need; or which reference has no value. */
  specAt(
    { volumes }: Pick<ClusterState, 'volumes'>,
    index: number,
  ): { readonly spec: ResourceSpec; readonly missing: string | undefined } {
    const { name, type, params: written } = this.at(index).definition;
    const earlier = this.#items.slice(0, index);
    const outputs = new Map(earlier.map((resource) => [resource.definition.name, resource.outputs]));
    const { params, missing } = replaceReferences(written, outputs);
    const first = missing[0];
    const parts = volumes[this.volumeAt(index) ?? '']?.spec.parts.map((part) => part.name) ?? [];
    return {
      spec: { group: this.#group, name, type, params, ...(parts.length === 0 ? {} : { parts }) },
      missing: first && `\${${first.resource}.${first.key}} has no value`,
    };
  }

  /** A later resource refers to what this one offers, and nobody knows that. */
  lacksOutputs(index: number): boolean {
    const { name } = this.at(index).definition;
    const later = this.#items.slice(index + 1);
    const outputs = new Map(this.#items.map((resource) => [resource.definition.name, resource.outputs]));
    return later.some(({ definition }) =>
      replaceReferences(definition.params, outputs).missing.some(({ resource }) => resource === name),
    );
  }

  /** Does the log have everything that later resources may refer to? */
  outputsAreIn(agreed: readonly ResourceSummary[]): boolean {
    return this.#items.every(
      ({ definition, outputs }) =>
        Object.keys(outputs).length === 0 ||
        agreed.some(
          (summary) => summary.name === definition.name && isDeepStrictEqual(summary.outputs, outputs),
        ),
    );
  }

  /** A resource counts as stopped only while its volume is known not to be served. True when one no longer does. */
  findServedVolumes(view: View): boolean {
    let found = false;
    for (const [index, { state }] of this.#items.entries()) {
      const volume = this.volumeAt(index);
      if (state !== 'stopped' || volume === undefined || provenSecondary(view, volume)) continue;
      this.set(index, { state: 'failed', reason: 'not yet known to be secondary' });
      found = true;
    }
    return found;
  }

  summarise(): readonly ResourceSummary[] {
    return this.#items.map(({ definition, state, reason, outputs }) => ({
      name: definition.name,
      state: SHOWN[state],
      reason,
      outputs,
    }));
  }
}

const SHOWN: Readonly<Record<LocalState, ResourceState>> = {
  unknown: 'unknown',
  stopped: 'stopped',
  running: 'running',
  failed: 'failed',
};
