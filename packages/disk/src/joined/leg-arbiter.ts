import type { Timers } from '@eterne/runtime';
import type { Arbiter, InSyncSet, SetAnswer, SetProposal, Term } from '../engine/api.ts';
import { createLocalArbiter } from '../engine/local-arbiter.ts';

/**
 * The ordered log of a joined volume: which devices hold everything acknowledged, in one term after the other. It lives as long as the host
 * serves; what it has committed lies on the devices, and is read from there by whoever serves next.
 *
 * So every set must lie on a member of the one before it, else the devices of that one would go on alone later, and believe to have everything. A leader writes a
 * set down before it acts by it; when it failed before it had done so, only who is in both may lead (`heirs`).
 */
export class LegArbiter implements Arbiter {
  readonly #timers: Timers;
  readonly #onPeerLost: 'continue' | 'freeze';
  #leader = '';
  #term: Term = { number: 0, grantor: '' };
  #set: InSyncSet = { version: 0, members: [] };
  #isOver = true;
  #heirs: readonly string[] = [];
  #concerned: readonly string[] = [];
  #hasBegun = false;

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

  /** Who may lead next without being asked what lies on it. */
  get heirs(): readonly string[] {
    return this.#heirs;
  }

  /** By one of these goes on who goes on from here. */
  get concerned(): readonly string[] {
    return this.#concerned;
  }

  /** False: `term` may lie on a device, or not. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** `leader` alone may propose in `term`. Whether that lies on it is known with `begun`. */
  begin(leader: string, term: Term, set: InSyncSet): void {
    this.#leader = leader;
    this.#term = term;
    this.#concerned = [...new Set([...this.#concerned, ...set.members])];
    this.#set = set;
    this.#heirs = set.members;
    this.#hasBegun = false;
    this.#isOver = false;
  }

  begun(): void {
    this.#hasBegun = true;
    this.#concerned = this.#set.members;
  }

  /** The term is over: nothing is committed in it any more. `recorded`: the newest set that lies on its leader for certain. */
  end(recorded: InSyncSet = this.#set): void {
    this.#isOver = true;
    if (recorded.version >= this.#set.version) return;
    this.#heirs = this.#heirs.filter((member) => recorded.members.includes(member));
    this.#concerned = [...new Set([...this.#concerned, ...recorded.members])];
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
    if (answer.kind !== 'committed') return answer;
    this.#set = answer.set;
    this.#heirs = answer.set.members;
    this.#concerned = answer.set.members;
    return answer;
  }
}
