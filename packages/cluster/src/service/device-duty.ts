/**
 * Of volumes on shared devices that this node serves: has the log know which devices have everything, once that is so. Nothing waits for it
 * (`state/joined.ts`); what is told late is told as it is then.
 */
import type { LocalReplicaStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { VolumeState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import { sameMembers } from '../state/records.ts';
import type { Completion, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

interface Told {
  readonly pending: EffectId | undefined;
  readonly nextAtBootMs: number;
}

export class DeviceDuty {
  readonly #told = new Map<string, Told>();

  step(view: View, outbox: Outbox): void {
    for (const volume of sortedValues(view.state.volumes))
      if (volume.spec.joined !== undefined) this.#tell(view, outbox, volume);
  }

  done(view: View, id: EffectId, completion: Completion): void {
    if (completion.of !== 'append') return;
    for (const [name, { pending }] of this.#told)
      if (pending === id)
        this.#told.set(name, { pending: undefined, nextAtBootMs: view.now.bootMs + view.timing.reportMs });
  }

  #tell(view: View, outbox: Outbox, volume: VolumeState): void {
    const { goesOnWith, inSyncSet, primary, spec, term } = volume;
    const local = view.disk.volumes?.get(spec.name);
    const isServed = local?.role === 'primary' && local.term === term.number && local.disk !== 'Failed';
    if (primary !== view.self || !isServed || local.inSyncSet.length === 0) return;
    if (sameMembers(inSyncSet.members, local.inSyncSet) && goesOnWith === undefined) return;
    const { pending, nextAtBootMs = -Infinity } = this.#told.get(spec.name) ?? {};
    if (pending !== undefined || view.now.bootMs < nextAtBootMs) return;
    const command = {
      kind: 'volume-set',
      volume: spec.name,
      node: view.self,
      term,
      expectedVersion: inSyncSet.version,
      members: local.inSyncSet.toSorted(),
      reason: reasonOf(local),
      atMs: view.now.wallMs,
    } as const;
    const id = outbox.send({ kind: 'append', command });
    this.#told.set(spec.name, { pending: id, nextAtBootMs: view.now.bootMs });
  }
}

function reasonOf({ inSyncSet, localReplicas = [] }: VolumeStatus): string {
  const away = localReplicas.filter(({ name }) => !inSyncSet.includes(name));
  if (away.length === 0) return 'all devices have everything';
  return away.map((device) => `${device.name}: ${device.problem ?? howIs(device)}`).join('; ');
}

function howIs({ disk }: LocalReplicaStatus): string {
  return disk === 'Attaching' || disk === 'Failed' ? 'is lost' : 'is brought up to date';
}
