/**
 * The in-sync set as the primary of a term steers it: one proposal at a time, each a compare-and-set on the committed version.
 *
 * ```
 * in step ──link lost──▶ lost ──proposed──▶ removal pending ──committed──▶ out ──caught up──▶ joining ──drained, flushed──▶
 *    ▲                                           │ hold                                                      in step, proposed
 *    │                                           ▼                                                                  │
 *    └──────────────── in step again ◀──── held (all I/O frozen) ◀─ caught up                          committed ───┘
 * ```
 *
 * Duties
 * 1. A reply waits for every replica in `needed`: the committed set, and whoever is joining or whose addition may have been committed.
 * 2. While a member is lost nothing new is admitted; what is in flight is held until its removal is committed.
 * 3. A committed change is durable here before anything is answered by it, together with the new generation when writes are held.
 * 4. A replica is proposed for addition only after it had every write sent to it and flushed them.
 * 5. Refused: the term ends.
 *
 * In an asynchronous mirror nobody else holds every acknowledged write: the primary is alone in the set while it serves, and takes the
 * others in when it has stopped and they have everything (`closeWith`).
 */
import type { Arbiter, InSyncSet, SetAnswer, SetProposal, Term } from '../api.ts';
import type { Mirror } from './mirror.ts';
import { LOCAL_BIT } from './write-op.ts';

export interface MembershipOwner {
  readonly ended: boolean;
  readonly term: Term;
  readonly localFailed: boolean;
  /** Makes the set durable; `minted`: with a new generation. `done` when both are. */
  persistSet(set: InSyncSet, done: () => void): void;
  /** `bits` are not needed any more. */
  released(bits: number): void;
  /** Something about `isSettled` or `holdReason` has changed. */
  moved(): void;
  refused(reason: string): void;
}

export interface MembershipParts {
  readonly volume: string;
  readonly node: string;
  readonly mirrors: readonly Mirror[];
  readonly arbiter: Arbiter;
  readonly isAsync: boolean;
  readonly set: InSyncSet;
}

export class Membership {
  readonly #owner: MembershipOwner;
  readonly #parts: MembershipParts;
  #set: InSyncSet;
  /** Peers that hold everything this primary acknowledged, and go on receiving. */
  readonly #inStep = new Set<string>();
  /** Peers on their way into the set: needed, so that nothing is acknowledged that they lack. */
  readonly #joining = new Set<string>();
  /** This node's own disk, rebuilt after it had left the set: on its way back, and ready to be proposed. */
  #local: 'settled' | 'joining' | 'arrived' = 'settled';
  #pending: readonly string[] | undefined;
  #holdReason: string | undefined;
  /** Called when those who have everything at the end are in the set. */
  #onClosed: (() => void) | undefined;

  constructor(owner: MembershipOwner, parts: MembershipParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.#set = parts.set;
  }

  get set(): InSyncSet {
    return this.#set;
  }

  get holdReason(): string | undefined {
    return this.#holdReason;
  }

  /** No member is lost: writes may enter. */
  get isSettled(): boolean {
    return this.#lost().length === 0 && !this.#localMustLeave();
  }

  /**
   * Is the loss of this peer still undecided? A handshake with it waits for the answer, also while another proposal has to be answered before it is asked for: a
   * member of the set that became a target would be Inconsistent, and could not be promoted if this term ended.
   */
  isDeciding(peer: string): boolean {
    if (this.#pending === undefined) return false;
    const isLost = this.#lost().includes(peer);
    return isLost || this.#set.members.includes(peer) !== this.#pending.includes(peer);
  }

  get needed(): number {
    let bits = 0;
    for (const { node, bit } of this.#parts.mirrors) if (this.#isNeeded(node)) bits |= bit;
    if (this.#isNeeded(this.#parts.node) || this.#local !== 'settled') bits |= LOCAL_BIT;
    return bits;
  }

  isInStep(peer: string): boolean {
    return this.#inStep.has(peer);
  }

  /** `members` of the set are connected and equal. Asynchronous ones are so only until the first write: none of them is in step. */
  start(members: readonly string[]): void {
    if (!this.#parts.isAsync) for (const member of members) this.#inStep.add(member);
    this.evaluate();
  }

  /** From now on nothing is acknowledged that this peer lacks. `inStep` follows when it has caught up with what was before. */
  join(peer: string): void {
    this.#joining.add(peer);
  }

  inStep(peer: string): void {
    this.#inStep.add(peer);
    this.evaluate();
  }

  lost(peer: string): void {
    this.#inStep.delete(peer);
    this.#joining.delete(peer);
    this.#released();
    this.evaluate();
  }

  /** Nothing is written any more, and `peers` have durably what was: they are members from now on. */
  closeWith(peers: readonly string[], done: () => void): void {
    for (const peer of peers) this.#inStep.add(peer);
    this.#onClosed = done;
    this.evaluate();
  }

  /** As `join` and `inStep`, of this node's own disk. */
  joinLocal(): void {
    this.#local = 'joining';
  }

  localInStep(): void {
    this.#local = 'arrived';
    this.evaluate();
  }

  localLost(): void {
    this.#local = 'settled';
    this.#released();
    this.evaluate();
  }

  /** Proposes what has become necessary. */
  evaluate(): void {
    if (this.#owner.ended || this.#pending !== undefined) return;
    const lost = this.#lost();
    if (lost.length === 0 && this.#holdReason !== undefined) this.#setHold(undefined);
    if (this.#holdReason !== undefined) return;
    const leaving = this.#localMustLeave() ? [...lost, this.#parts.node] : lost;
    const present = this.#local === 'arrived' ? [...this.#inStep, this.#parts.node] : [...this.#inStep];
    const arrived = present.filter((member) => !this.#set.members.includes(member)).sort();
    const members = [...this.#set.members.filter((member) => !leaving.includes(member)), ...arrived];
    this.#owner.moved();
    if (leaving.length === 0 && arrived.length === 0) return this.#onClosed?.();
    if (members.length === 0) return this.#owner.refused('no replica is left');
    this.#propose(members, leaving, arrived);
  }

  #propose(members: readonly string[], leaving: readonly string[], arrived: readonly string[]): void {
    this.#pending = members;
    const reason = [
      ...leaving.map((peer) => (this.#isAlone ? `${peer} may lag behind` : `${peer} is lost`)),
      ...arrived.map((peer) => `${peer} is in sync`),
    ].join(', ');
    this.#parts.arbiter.propose(
      {
        volume: this.#parts.volume,
        term: this.#owner.term,
        expectedVersion: this.#set.version,
        members,
        // Who leaves an asynchronous set was not lost: no policy is to be asked.
        removed: this.#isAlone ? [] : leaving,
        ...this.#livesOf(arrived),
        reason,
      },
      (answer) => this.#answered(answer),
    );
  }

  #livesOf(arrived: readonly string[]): Pick<SetProposal, 'lives'> {
    const lives = this.#parts.mirrors.flatMap(({ node, life }) =>
      life === undefined || !arrived.includes(node) ? [] : [[node, life] as const],
    );
    return lives.length === 0 ? {} : { lives: Object.fromEntries(lives) };
  }

  #answered(answer: SetAnswer): void {
    if (this.#owner.ended) return;
    switch (answer.kind) {
      case 'refused':
        this.#owner.refused(answer.reason);
        return;
      case 'hold':
        this.#pending = undefined;
        this.#setHold(answer.reason);
        this.evaluate();
        return;
      case 'committed':
        this.#owner.persistSet(answer.set, () => this.#committed(answer.set));
        return;
    }
  }

  #committed(set: InSyncSet): void {
    if (this.#owner.ended) return;
    this.#set = set;
    this.#pending = undefined;
    for (const member of set.members) this.#joining.delete(member);
    if (set.members.includes(this.#parts.node)) this.#local = 'settled';
    this.#released();
    this.evaluate();
  }

  #released(): void {
    this.#owner.released(~this.needed);
  }

  #setHold(reason: string | undefined): void {
    this.#holdReason = reason;
    this.#owner.moved();
  }

  #isNeeded(peer: string): boolean {
    if (this.#set.members.includes(peer)) return true;
    return this.#joining.has(peer) || (this.#pending?.includes(peer) ?? false);
  }

  #lost(): string[] {
    const isLost = (member: string): boolean => this.#isAlone || !this.#inStep.has(member);
    return this.#set.members.filter((member) => member !== this.#parts.node && isLost(member));
  }

  get #isAlone(): boolean {
    return this.#parts.isAsync && this.#onClosed === undefined;
  }

  #localMustLeave(): boolean {
    return this.#owner.localFailed && this.#set.members.includes(this.#parts.node);
  }
}
