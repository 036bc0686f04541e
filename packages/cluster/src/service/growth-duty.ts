/**
 * Grows the volumes that this node is primary of to the size that was agreed on. All replicas grow together (`engine/resize/resize.ts`) or none
 * does; what is in the way now may pass, so it is tried again.
 *
 *   idle ──smaller than wanted──► growing ──done──► telling ──applied──► idle
 *     ▲                              │ error
 *     └────── after RETRY_MS ────────┘
 */
import type { VolumeSpec, VolumeState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import { partPlaces } from '../state/parts.ts';
import type { Completion, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

const RETRY_MS = 5000;

type Known =
  | { readonly kind: 'growing' | 'telling'; readonly id: EffectId }
  | { readonly kind: 'waiting'; readonly problem: string; readonly retryAtBootMs: number };

export class GrowthDuty {
  readonly #known = new Map<string, Known>();

  /** Volume → why it has not grown yet; of this node's own attempts. */
  problem(volume: string): string | undefined {
    const known = this.#known.get(volume);
    return known?.kind === 'waiting' ? known.problem : undefined;
  }

  step(view: View, outbox: Outbox): void {
    for (const volume of sortedValues(view.state.volumes)) this.#ensure(view, outbox, volume);
  }

  done(view: View, id: EffectId, completion: Completion): void {
    for (const [name, known] of this.#known) {
      if (known.kind === 'waiting' || known.id !== id) continue;
      this.#known.delete(name);
      if (completion.of !== 'plain' || completion.error === undefined) continue;
      const retryAtBootMs = view.now.bootMs + RETRY_MS;
      this.#known.set(name, { kind: 'waiting', problem: completion.error.message, retryAtBootMs });
    }
  }

  #ensure(view: View, outbox: Outbox, { primary, size, spec }: VolumeState): void {
    const { name, sizeBytes } = spec;
    const local = view.disk.volumes?.get(name);
    const known = this.#known.get(name);
    if (primary !== view.self || local?.role !== 'primary') {
      if (known?.kind === 'waiting') this.#known.delete(name);
      return;
    }
    if (known !== undefined && known.kind !== 'waiting') return;
    if (local.sizeBytes > size.presentBytes) {
      const grown = {
        kind: 'volume-grown',
        volume: name,
        node: view.self,
        sizeBytes: local.sizeBytes,
      } as const;
      const id = outbox.send({ kind: 'append', command: { ...grown, atMs: view.now.wallMs } });
      this.#known.set(name, { kind: 'telling', id });
      return;
    }
    if (local.sizeBytes >= sizeBytes) return void this.#known.delete(name);
    if (known !== undefined && view.now.bootMs < known.retryAtBootMs) return;
    this.#known.set(name, {
      kind: 'growing',
      id: outbox.send({ kind: 'disk-resize', ...whatGrows(spec) }),
    });
  }
}

/** Of a volume with parts the last one, which has nothing behind it. */
function whatGrows(spec: VolumeSpec): { readonly volume: string; readonly sizeBytes: number } {
  const last = partPlaces(spec, spec.sizeBytes).at(-1);
  if (last === undefined) return { volume: spec.name, sizeBytes: spec.sizeBytes };
  return { volume: last.fullName, sizeBytes: last.sizeBytes };
}
