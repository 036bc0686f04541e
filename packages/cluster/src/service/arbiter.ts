/**
 * Settles the in-sync set for this node's disk process (DESIGN §4). It asks the log; while the answer is unknown it stays silent
 * and asks again, so that the engine goes on holding its writes. A proposal that may have been committed unseen is asked again as it
 * was: `volume-set` recognises it.
 */
import { assert } from '@eterne/base';
import type { SetProposal } from '@eterne/disk/engine/api.ts';
import type { AppendResult, EffectId, Outbox, ProposalId } from './effects.ts';
import type { View } from './view.ts';

/** More than an engine ever asks at once: one per volume. */
export const PROPOSALS_MAX = 1024;

interface Open {
  readonly id: ProposalId;
  readonly proposal: SetProposal;
  /** The append on its way. */
  pending: EffectId | undefined;
  retryAtBootMs: number;
}

export class ArbiterDuty {
  readonly #open = new Map<ProposalId, Open>();

  propose(view: View, outbox: Outbox, id: ProposalId, proposal: SetProposal): void {
    assert(this.#open.size < PROPOSALS_MAX, 'a disk process has few proposals open');
    this.#open.set(id, { id, proposal, pending: undefined, retryAtBootMs: view.now.bootMs });
    this.step(view, outbox);
  }

  /** Nobody is left to hear an answer. */
  diskGone(): void {
    this.#open.clear();
  }

  step(view: View, outbox: Outbox): void {
    for (const open of this.#open.values()) {
      if (open.pending !== undefined || view.now.bootMs < open.retryAtBootMs) continue;
      const { volume, term, expectedVersion, members, lives, reason } = open.proposal;
      open.pending = outbox.send({
        kind: 'append',
        command: {
          kind: 'volume-set',
          volume,
          node: view.self,
          term,
          expectedVersion,
          members,
          ...(lives === undefined ? {} : { lives }),
          reason,
          atMs: view.now.wallMs,
        },
      });
    }
  }

  done(view: View, outbox: Outbox, id: EffectId, result: AppendResult): void {
    for (const open of this.#open.values()) {
      if (open.pending !== id) continue;
      open.pending = undefined;
      if (result.kind !== 'applied') {
        open.retryAtBootMs = view.now.bootMs + view.timing.retryMs;
        return;
      }
      this.#open.delete(open.id);
      const { expectedVersion, members } = open.proposal;
      outbox.answer(
        open.id,
        result.refused
          ? { kind: 'refused', reason: result.refused.message }
          : { kind: 'committed', set: { version: expectedVersion + 1, members } },
      );
      return;
    }
  }
}
