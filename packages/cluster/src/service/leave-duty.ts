/**
 * A node that is being stopped says so until the agreed state has it of this life of the node: what was said before the life was reported, or
 * before the leader lost the node and heard it again, is forgotten with that.
 */
import type { Member } from '../state/model.ts';
import type { AppendResult, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

const GIVEN_NOTHING: readonly Member['presence'][] = ['leaving', 'lost'];

export class LeaveDuty {
  #comesBack = false;
  #pending: EffectId | undefined;
  #retryAtBootMs = Number.NEGATIVE_INFINITY;

  /** `comesBack`: it is certain that the node is started again. */
  begin(comesBack: boolean): void {
    this.#comesBack = comesBack;
  }

  step(view: View, outbox: Outbox): void {
    const { self: name, startId, state, now } = view;
    const isReported = state.members[name]?.startId === startId;
    if (!view.leaving || !isReported || this.isKnown(view)) return;
    if (this.#pending !== undefined || now.bootMs < this.#retryAtBootMs) return;
    // Only where it makes a difference: older programs do not know it.
    const saysSo = this.#comesBack && state.config.onShutdown === 'conditional';
    const comesBack = saysSo ? { comesBack: true as const } : {};
    const command = { kind: 'node-leaving', name, ...comesBack, atMs: now.wallMs } as const;
    this.#pending = outbox.send({ kind: 'append', command });
  }

  done(view: View, id: EffectId, { kind }: AppendResult): void {
    if (this.#pending !== id) return;
    this.#pending = undefined;
    if (kind !== 'applied') this.#retryAtBootMs = view.now.bootMs + view.timing.retryMs;
  }

  /** The cluster gives nothing to this node any more; to one that is lost neither. */
  isKnown({ self, startId, state }: View): boolean {
    const member = state.members[self];
    return member?.startId === startId && GIVEN_NOTHING.includes(member.presence);
  }
}
