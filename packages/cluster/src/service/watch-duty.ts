/**
 * Has this node's monitor watch what groups stand on (`leader/footing.ts`), and tells the log what is not well. What comes and goes has been
 * held back by the monitor (`monitor/watch/trouble-book.ts`); here nothing is told twice.
 */
import { isDeepStrictEqual } from 'node:util';
import type { WatchOrder } from '../ports.ts';
import type { ClusterState } from '../state/model.ts';
import type { Trouble } from '../state/watch.ts';
import type { AppendResult, Completion, EffectId, Outbox } from './effects.ts';
import { watchOrder } from './leader/footing.ts';
import type { View } from './view.ts';

/** A monitor that was restarted knows nothing, so it is told again now and then. */
const REPEAT_MS = 10_000;

export class WatchDuty {
  #order: WatchOrder | undefined;
  /** What it was made of. */
  #seen: ClusterState | undefined;
  #orderedAtBootMs = Number.NEGATIVE_INFINITY;
  #asked: EffectId | undefined;
  #troubles: readonly Trouble[] | undefined;
  #pending: EffectId | undefined;
  #retryAtBootMs = Number.NEGATIVE_INFINITY;

  told(troubles: readonly Trouble[]): void {
    this.#troubles = troubles;
  }

  step(view: View, outbox: Outbox): void {
    const member = view.state.members[view.self];
    if (member?.role !== 'node' || member.startId !== view.startId) return;
    this.#have(view, outbox);
    if (this.#troubles === undefined || isDeepStrictEqual(this.#troubles, member.troubles)) return;
    if (this.#pending !== undefined || view.now.bootMs < this.#retryAtBootMs) return;
    const { self: name, startId, now } = view;
    const command = {
      kind: 'node-troubles',
      name,
      startId,
      troubles: this.#troubles,
      atMs: now.wallMs,
    } as const;
    this.#pending = outbox.send({ kind: 'append', command });
  }

  done(view: View, id: EffectId, completion: Completion): void {
    if (this.#asked === id) this.#asked = undefined;
    if (this.#pending !== id || completion.of !== 'append') return;
    this.#pending = undefined;
    if (!isTaken(completion.result)) this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
  }

  #have(view: View, outbox: Outbox): void {
    const isDue = view.now.bootMs - this.#orderedAtBootMs >= REPEAT_MS;
    if (this.#asked !== undefined || (!isDue && view.state === this.#seen)) return;
    this.#seen = view.state;
    const order = watchOrder(view.state, view.self);
    if (!isDue && isDeepStrictEqual(order, this.#order)) return;
    this.#order = order;
    this.#orderedAtBootMs = view.now.bootMs;
    this.#asked = outbox.send({ kind: 'monitor-watch', order });
  }
}

function isTaken(result: AppendResult): boolean {
  return result.kind === 'applied' && result.refused === undefined;
}
