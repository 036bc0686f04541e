import type { Timers } from '@eterne/runtime';
import type { Arbiter, InSyncSet, SetAnswer, SetProposal, Term } from '../engine/api.ts';
import { createLocalArbiter } from '../engine/local-arbiter.ts';

/**
 * The ordered log of a joined volume: which devices hold everything acknowledged, in one term after the other. It lives as long as the host
 * serves; what it has committed lies on the devices, and is read from there by whoever serves next.
 */
export class LegArbiter implements Arbiter {
  readonly #timers: Timers;
  readonly #onPeerLost: 'continue' | 'freeze';
  #leader = '';
  #term: Term = { number: 0, grantor: '' };
  #set: InSyncSet = { version: 0, members: [] };
  #isOver = true;

  constructor(timers: Timers, onPeerLost: 'continue' | 'freeze') {
    this.#timers = timers;
    this.#onPeerLost = onPeerLost;
  }

  get term(): Term {
    return this.#term;
  }

  get set(): InSyncSet {
    return this.#set;
  }

  /** `leader` alone may propose in `term`. */
  begin(leader: string, term: Term, set: InSyncSet): void {
    this.#leader = leader;
    this.#term = term;
    this.#set = set;
    this.#isOver = false;
  }

  /** The term is over: nothing is committed in it any more. */
  end(): void {
    this.#isOver = true;
  }

  /** The term that began with `begin` came to nothing: `set` is still what was committed last. */
  undo(set: InSyncSet): void {
    this.#isOver = true;
    this.#set = set;
  }

  propose(proposal: SetProposal, done: (answer: SetAnswer) => void): void {
    const policy = { node: this.#leader, onPeerLost: this.#onPeerLost };
    createLocalArbiter(this.#timers, policy).propose(proposal, (answer) =>
      done(this.#judge(proposal, answer)),
    );
  }

  #judge({ term, expectedVersion }: SetProposal, answer: SetAnswer): SetAnswer {
    if (this.#isOver || term.number !== this.#term.number)
      return { kind: 'refused', reason: `term ${term.number} is over` };
    if (expectedVersion !== this.#set.version)
      return { kind: 'refused', reason: `the set is at version ${this.#set.version}` };
    if (answer.kind === 'committed') this.#set = answer.set;
    return answer;
  }
}
