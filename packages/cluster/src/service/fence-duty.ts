/**
 * Fencing on this node, when the log names it as the executor: each attempt is done once by its monitor, and what came of it is told to the
 * log until the log has taken or refused it. A restarted service does the attempt again: to switch off what is off is harmless.
 */
import type { FenceResult } from '../fencing/order.ts';
import type { FenceState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import type { Completion, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

type Work =
  | { readonly kind: 'fencing'; readonly id: EffectId }
  | { readonly kind: 'fenced'; readonly result: FenceResult; readonly sinceBootMs: number }
  | { readonly kind: 'telling'; readonly id: EffectId; readonly result: FenceResult };

interface Attempt {
  readonly number: number;
  readonly startId: string;
  readonly work: Work;
}

export class FenceDuty {
  /** By node; at most one per member. */
  readonly #attempts = new Map<string, Attempt>();

  step(view: View, outbox: Outbox): void {
    const ours = sortedValues(view.state.fences).filter(({ executor }) => executor === view.self);
    for (const [node, { number, startId }] of this.#attempts)
      if (!ours.some((fence) => fence.node === node && fence.attempt === number && fence.startId === startId))
        this.#attempts.delete(node);
    for (const fence of ours) this.#advance(view, outbox, fence);
  }

  done(view: View, id: EffectId, completion: Completion): void {
    for (const [node, attempt] of this.#attempts) {
      const { work } = attempt;
      if (work.kind === 'fenced' || work.id !== id) continue;
      if (work.kind === 'fencing' && completion.of === 'fence')
        this.#attempts.set(node, {
          ...attempt,
          work: { kind: 'fenced', result: completion.result, sinceBootMs: view.now.bootMs },
        });
      // Applied, the log has another view of it, and `step` forgets the attempt.
      if (work.kind === 'telling' && completion.of === 'append' && completion.result.kind !== 'applied')
        this.#attempts.set(node, {
          ...attempt,
          work: { kind: 'fenced', result: work.result, sinceBootMs: view.now.bootMs + view.timing.retryMs },
        });
    }
  }

  #advance(view: View, outbox: Outbox, fence: FenceState): void {
    const { node, attempt: number, startId } = fence;
    const present = this.#attempts.get(node);
    if (present === undefined) {
      const devices = view.state.config.fencing.filter((device) => device.node === node);
      const id = outbox.send({ kind: 'monitor-fence', order: { node, devices } });
      this.#attempts.set(node, { number, startId, work: { kind: 'fencing', id } });
      return;
    }
    if (present.work.kind !== 'fenced' || view.now.bootMs < present.work.sinceBootMs) return;
    const { result } = present.work;
    const { confirmed, reason } = result;
    const command = {
      kind: 'fence-done',
      node,
      executor: view.self,
      attempt: number,
      confirmed,
      reason,
    } as const;
    const id = outbox.send({ kind: 'append', command: { ...command, atMs: view.now.wallMs } });
    this.#attempts.set(node, { number, startId, work: { kind: 'telling', id, result } });
  }
}
