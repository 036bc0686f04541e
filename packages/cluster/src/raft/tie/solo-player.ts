/**
 * Plays a tie-breaker of the kind `solo` on this node: one that votes for whoever does not hear the other, and hence may vote for both. It is held and given up by the rules
 * of `proof-voter.ts`, with silence in the place of a proof; so as long as only one node was alone nothing that was committed is lost. What silence cannot rule out
 * is that both were: that is found out before a message of either log touches the other.
 *
 * 1. Every message to the other node carries the lineage of this one's log, as it is on disk; while that is about to change nothing is sent.
 * 2. A message is believed when its lineage is this log's. One from behind may be old: it was under way, or waited, while its sender went on alone too.
 * 3. A lineage that goes on from this log's is written down first; then this node must meet the other again before it may go on alone, by a read that it asks for
 *    from then on. So who was alone gives that up only when the other has written down that it follows, and before the other goes on alone from there.
 * 4. Of a parted half nothing is believed. The half that gives way (`survivor`) is ended by the service (service/pair/).
 * 5. All this holds from its first entry in the log until its removal is committed: until then the other node may use it. Where it does not vote, a message without a lineage, or with that of
 *    another tie-breaker, is believed: its sender has the removal of this one committed, or does not know yet that the one before is gone, and neither can go on alone by it.
 */
import type { EterneError } from '@eterne/base';
import type { Message } from '../messages/message.ts';
import { isVoter, type Members } from '../members.ts';
import type { MemberId } from '../types.ts';
import { Halves, type HalvesOptions, type Parted } from './halves.ts';
import { areStrangers, rootOf, wrap, type Half, type Lineage } from './lineage.ts';
import { ProofPlayer, type ProofPlayerOptions } from './proof-player.ts';
import type { TiePlayer } from './tie-player.ts';

export interface SoloSeen {
  /** This node is alone. */
  readonly half: Half | undefined;
  readonly parted: Parted | undefined;
}

type SoloPlayerOptions = Omit<ProofPlayerOptions, 'record'> & Omit<HalvesOptions, 'member'>;

export class SoloPlayer implements TiePlayer {
  readonly proof: ProofPlayer;
  readonly #halves: Halves;
  readonly #member: MemberId;
  readonly #members: () => Members;

  constructor(options: SoloPlayerOptions) {
    this.#member = options.member;
    this.#members = options.members;
    this.#halves = new Halves(options);
    this.proof = new ProofPlayer({ ...options, record: this.#halves });
  }

  get member(): MemberId {
    return this.#member;
  }

  get trouble(): string | undefined {
    return this.proof.trouble;
  }

  get seen(): SoloSeen {
    return { half: this.proof.held && this.#halves.half, parted: this.#halves.parted };
  }

  ask(message: Message): void {
    this.proof.ask(message);
  }

  refuses(from: MemberId): boolean {
    return this.proof.refuses(from);
  }

  /** Rule 1. Undefined: not now. */
  wrap(message: Buffer): Buffer | undefined {
    const { lineage } = this.#halves;
    return lineage && this.proof.isSettled ? wrap(lineage, message) : undefined;
  }

  /** Rules 2 to 5. `theirs` undefined: the other does not know yet that there is such a tie-breaker, and so was never alone; or knows that it is gone. */
  believes(theirs: Lineage | undefined): boolean {
    if (!isVoter(this.#members(), this.#member) && this.#isOfAnother(theirs)) return true;
    const said = theirs ?? rootOf(this.#member);
    const kind = this.#halves.compare(said);
    if (kind === 'ahead' && this.proof.isFree) {
      this.proof.mustMeet();
      this.#halves.adopt(said);
    }
    return kind === 'same';
  }

  giveWay(done: (error: EterneError | undefined) => void): void {
    this.#halves.giveWay(done);
  }

  close(): void {
    this.proof.close();
  }

  #isOfAnother(theirs: Lineage | undefined): boolean {
    const { lineage } = this.#halves;
    return theirs === undefined || (lineage !== undefined && areStrangers(lineage, theirs));
  }
}
