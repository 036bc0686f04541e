/** Tells the log where a group's owner is with it: one entry at a time, only when something differs, later if it failed. */
import { isDeepStrictEqual } from 'node:util';
import type { GroupState, ResourceSummary } from '../../state/model.ts';
import type { Completion, EffectId, Outbox } from '../effects.ts';
import type { View } from '../view.ts';

export interface OwnPhase {
  readonly phase: 'starting' | 'online' | 'stopping' | 'blocked';
  readonly reason: string;
  readonly resources: readonly ResourceSummary[];
  /** Only with `online`. */
  readonly tookMs?: number;
}

export class PhaseReporter {
  #pending: EffectId | undefined;
  #nextAtBootMs = Number.NEGATIVE_INFINITY;

  reset(): void {
    this.#pending = undefined;
  }

  step(view: View, outbox: Outbox, group: GroupState, own: OwnPhase): void {
    if (this.#pending !== undefined || view.now.bootMs < this.#nextAtBootMs) return;
    if (
      group.phase === own.phase &&
      group.reason === own.reason &&
      isDeepStrictEqual(group.resources, own.resources)
    )
      return;
    this.#pending = outbox.send({
      kind: 'append',
      command: {
        kind: 'group-phase',
        group: group.spec.name,
        node: view.self,
        epoch: group.epoch,
        ...own,
        atMs: view.now.wallMs,
      },
    });
  }

  done(view: View, id: EffectId, completion: Completion): void {
    if (this.#pending !== id) return;
    this.#pending = undefined;
    const applied = completion.of === 'append' && completion.result.kind === 'applied';
    if (!applied) this.#nextAtBootMs = view.now.bootMs + view.timing.retryMs;
  }
}
