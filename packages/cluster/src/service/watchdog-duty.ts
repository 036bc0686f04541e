/**
 * Keeps three things in step: what the configuration wants of this node's watchdog, what the heart does, and what the log knows, because others
 * rest take-overs on it. The log hears that it is armed after it is, and that it is not before it is disarmed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { WatchdogSpec } from '../state/model.ts';
import type { AppendResult, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

export class WatchdogDuty {
  #told: WatchdogSpec | null | undefined;
  #pending: EffectId | undefined;
  #retryAtBootMs = Number.NEGATIVE_INFINITY;

  /** Not before the heart has spoken: a restarted service finds a watchdog that is armed. */
  step(view: View, outbox: Outbox): void {
    const { watchdog: said, state } = view;
    const member = state.members[view.self];
    if (said === undefined || member?.role !== 'node' || member.startId !== view.startId) return;
    const wanted = state.config.watchdog;
    const isSettled = isDeepStrictEqual(wanted, said.of);
    const armedMs = isSettled ? said.armedMs : null;
    if (member.watchdogMs !== armedMs) return this.#report(view, outbox, armedMs);
    if (isSettled || isDeepStrictEqual(wanted, this.#told)) return;
    this.#told = wanted;
    outbox.watchdog(wanted);
  }

  done(view: View, id: EffectId, { kind }: AppendResult): void {
    if (this.#pending !== id) return;
    this.#pending = undefined;
    if (kind !== 'applied') this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
  }

  #report(view: View, outbox: Outbox, timeoutMs: number | null): void {
    if (this.#pending !== undefined || view.now.bootMs < this.#retryAtBootMs) return;
    const { self: name, startId, now } = view;
    const command = { kind: 'node-watchdog', name, startId, timeoutMs, atMs: now.wallMs } as const;
    this.#pending = outbox.send({ kind: 'append', command });
  }
}
