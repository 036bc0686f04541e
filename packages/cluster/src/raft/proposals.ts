/** The commands of this member that are not answered yet: numbered, sent again to every new leader, given up after a while. */
import { EterneError } from '@eterne/base';
import type { AskingTimes } from './barriers.ts';
import type { CommandId } from './sessions.ts';
import { encodeCommand, SESSION_WINDOW, tooLarge } from './sessions.ts';
import type { LogIndex, MemberId } from './types.ts';

export type AppendResult =
  | { readonly kind: 'applied'; readonly index: LogIndex }
  | { readonly kind: 'refused' | 'unknown'; readonly error: EterneError };

interface Proposal {
  readonly data: Buffer;
  readonly done: (result: AppendResult) => void;
  readonly deadlineMs: number;
  /** Where and when it went last; the leadership is `leader@term`. */
  sent: { readonly leadership: string; readonly atMs: number } | undefined;
}

export const PROPOSALS_MAX = 256;

export class Proposals {
  readonly #origin: MemberId;
  readonly #session: number;
  readonly #times: () => AskingTimes;
  /** By number, which rises: the first is the lowest. */
  readonly #open = new Map<number, Proposal>();
  #last = 0;

  constructor(origin: MemberId, session: number, times: () => AskingTimes) {
    this.#origin = origin;
    this.#session = session;
    this.#times = times;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes the command in, or says why not. */
  add(command: Buffer, done: (result: AppendResult) => void, nowMs: number): EterneError | undefined {
    const sequence = this.#last + 1;
    const lowest = this.#open.keys().next().value ?? sequence;
    if (this.#open.size >= PROPOSALS_MAX || sequence - lowest >= SESSION_WINDOW)
      return new EterneError('busy', 'too many commands wait for the cluster log');
    const refused = tooLarge(command);
    if (refused) return refused;
    this.#last = sequence;
    const data = encodeCommand({ origin: this.#origin, session: this.#session, sequence, lowest }, command);
    this.#open.set(sequence, { data, done, deadlineMs: nowMs + this.#times().giveUpMs, sent: undefined });
    return undefined;
  }

  /** Hands every command that this leadership has not been given (lately) to `send`, which says whether it went. */
  sendTo(leadership: string, nowMs: number, send: (data: Buffer) => boolean): void {
    for (const proposal of this.#open.values()) {
      const { sent } = proposal;
      if (sent?.leadership === leadership && nowMs - sent.atMs < this.#times().resendMs) continue;
      if (!send(proposal.data)) return;
      proposal.sent = { leadership, atMs: nowMs };
    }
  }

  /** A command of this log was applied here; if it is ours its sender learns it. */
  applied(id: CommandId, index: LogIndex): void {
    if (id.origin !== this.#origin || id.session !== this.#session) return;
    const proposal = this.#open.get(id.sequence);
    this.#open.delete(id.sequence);
    proposal?.done({ kind: 'applied', index });
  }

  /** What was never sent is refused; what was sent may still happen. */
  expire(nowMs: number): void {
    for (const [sequence, proposal] of this.#open) {
      if (nowMs < proposal.deadlineMs) continue;
      this.#open.delete(sequence);
      const error = new EterneError(
        'no-quorum',
        'the cluster log has no majority: the command was not confirmed in time',
      );
      proposal.done({ kind: proposal.sent ? 'unknown' : 'refused', error });
    }
  }

  /** The end of this life. */
  abandon(error: EterneError): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const proposal of open) proposal.done({ kind: proposal.sent ? 'unknown' : 'refused', error });
  }
}
