/**
 * Plays a tie-breaker of the kind `proof` on this node (`proof-voter.ts`).
 *
 *   reading ──► free ◄────── durable ─────── clearing
 *                │                              ▲ a voter is heard
 *                └─ proven ─► taking ─ durable ─► holding
 *
 * 1. It is held only when that is written, and given up only when that is written; meanwhile nothing of the other node is believed.
 * 2. A record that cannot be read is tried again, before anything else.
 * 3. A proof is looked for while this node asks for the tie-breaker, the heart does not hear the other, and both have met.
 */
import { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import type { Message } from '../messages/message.ts';
import { isVoter, type Members } from '../members.ts';
import { nodeOfMember, type MemberId, type RaftTerm } from '../types.ts';
import type { ProofHeld, TieRecord } from './proof-record.ts';
import { answerHolding, answerLearning, type ProofReply } from './proof-voter.ts';
import { isTie, tieKindOf, type TieKind } from './tie-id.ts';
import type { TiePlayer } from './tie-player.ts';

const LOOK_INTERVAL_MS = 100;
/** So long after its last question Raft still wants an answer. */
const WANTED_MS = 3000;
const RETRY_MS = 1000;

/** What it has to ask the world. */
export interface Provers {
  /** The heart hears the node on no path. */
  isLost(node: string): boolean;
  /**
   * Makes certain of the node, or tells why not: a sentence. It does nothing to it any more once it is not sought. `tie`: for which kind of tie-breaker; the configuration may
   * want another one already.
   */
  prove(
    tie: TieKind,
    node: string,
    isSought: () => boolean,
    done: (result: { readonly how: string } | { readonly trouble: string }) => void,
  ): void;
  /** A read behind a barrier. */
  barrier(done: (error: EterneError | undefined) => void): void;
}

export interface ProofPlayerOptions {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly record: TieRecord;
  readonly member: MemberId;
  readonly self: MemberId;
  readonly members: () => Members;
  readonly provers: Provers;
  readonly answer: (to: MemberId, reply: ProofReply) => void;
}

type State =
  | { readonly kind: 'reading' | 'free' | 'taking' | 'clearing' }
  | { readonly kind: 'holding'; readonly held: ProofHeld };

export class ProofPlayer implements TiePlayer {
  readonly #options: ProofPlayerOptions;
  readonly #timer: Timer;
  #state: State = { kind: 'reading' };
  #term: RaftTerm = 0;
  #wantedMs = Number.NEGATIVE_INFINITY;
  #proving = false;
  /** The other voter, when both vote; what follows is about it. */
  #peer: MemberId | undefined;
  #hasMet = false;
  #meeting = false;
  /** How often it had to be met anew. */
  #demands = 0;
  #trouble: string | undefined;
  #closed = false;

  constructor(options: ProofPlayerOptions) {
    this.#options = options;
    this.#timer = options.world.timers.every(LOOK_INTERVAL_MS, () => this.#look());
    this.#read();
  }

  get member(): MemberId {
    return this.#options.member;
  }

  get trouble(): string | undefined {
    return this.#state.kind === 'holding' ? undefined : this.#trouble;
  }

  /** That this node alone may go on, and why. */
  get held(): ProofHeld | undefined {
    return this.#state.kind === 'holding' ? this.#state.held : undefined;
  }

  /** It neither holds it nor is about to. */
  get isFree(): boolean {
    return this.#state.kind === 'free';
  }

  /** It may still be about to be taken: what is said now, and is believed, may count against what is taken. */
  get isSettled(): boolean {
    return this.#state.kind === 'free' || this.#state.kind === 'holding';
  }

  /** The other turns out to have what this node lacks. The answer to what it was asked before may still come, and says nothing of that. */
  mustMeet(): void {
    this.#hasMet = false;
    this.#demands += 1;
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
  }

  ask(message: Message): void {
    this.#wantedMs = this.#options.world.clock.bootMs();
    this.#options.world.timers.soon(() => {
      if (this.#closed) return;
      const reply = this.#judge(message);
      if (reply === undefined) return;
      this.#term = Math.max(this.#term, reply.term);
      this.#options.answer(message.from, reply);
    });
  }

  refuses(from: MemberId): boolean {
    const isPeers = from !== this.#options.self && isVoter(this.#options.members(), from);
    if (!isPeers || this.#state.kind === 'free') return false;
    if (this.#state.kind === 'holding') this.#clear(this.#state.held.knowsAll);
    return true;
  }

  /** The other has gone on without this one: what this one has decided is over. */
  giveUp(): void {
    this.mustMeet();
    if (this.#state.kind === 'holding') this.#clear(false);
  }

  /** An operator's word that the other node has stopped. `acceptLoss`: even when it may know more than this one. */
  takeByWord(how: string, acceptLoss: boolean, done: (error: EterneError | undefined) => void): void {
    const peer = this.#peerNow();
    const refusal = this.#wordRefusal(peer, acceptLoss);
    if (refusal || peer === undefined) return this.#options.world.timers.soon(() => done(refusal));
    this.#take({ peer, how, knowsAll: this.#hasMet }, done);
  }

  #wordRefusal(peer: MemberId | undefined, acceptLoss: boolean): EterneError | undefined {
    if (peer === undefined || this.#state.kind !== 'free')
      return new EterneError('busy', 'the tie-breaker is not ready; try again');
    if (this.#hasMet) return undefined;
    if (acceptLoss) return this.#lossRefusal();
    const node = nodeOfMember(peer);
    return new EterneError(
      'refused',
      `this node has not met ${node} since it started: ${node} may know more`,
      {
        hint: 'start the other node; or say --accept-loss to go on with what this one has, and let the other join anew',
      },
    );
  }

  /** A successor's word is needed too, and it has what the other had told it: nobody could decide any more, were that one left out. */
  #lossRefusal(): EterneError | undefined {
    const successor = this.#options.members().find(({ role }) => role === 'successor');
    return (
      successor &&
      new EterneError('refused', `${nodeOfMember(successor.id)} is about to vote, and cannot be left out`, {
        hint: 'start the other node',
      })
    );
  }

  #judge(message: Message): ProofReply | undefined {
    if (!isVoter(this.#options.members(), this.member)) return answerLearning(message);
    return this.#state.kind === 'holding' ? answerHolding(message, this.#term) : undefined;
  }

  #peerNow(): MemberId | undefined {
    const { self, members } = this.#options;
    const voters = members().filter(({ id, role }) => role === 'voter' && !isTie(id));
    if (voters.length !== 2 || !isVoter(members(), this.member) || !isVoter(members(), self))
      return undefined;
    return voters.find(({ id }) => id !== self)?.id;
  }

  #look(): void {
    const peer = this.#peerNow();
    if (peer !== this.#peer) {
      this.#peer = peer;
      this.mustMeet();
      this.#trouble = undefined;
    }
    if (peer === undefined || this.#state.kind !== 'free') return;
    if (!this.#hasMet) return this.#meet(peer);
    const { world, provers } = this.#options;
    const isWanted = world.clock.bootMs() - this.#wantedMs < WANTED_MS;
    if (!provers.isLost(nodeOfMember(peer))) this.#trouble = undefined;
    else if (isWanted && !this.#proving) this.#prove(peer);
  }

  /** Rule `meet`. What comes back while this node holds the tie-breaker, or took it meanwhile, or was asked before the last demand, proves nothing. */
  #meet(peer: MemberId): void {
    if (this.#options.provers.isLost(nodeOfMember(peer)))
      this.#trouble = `this node has not met ${nodeOfMember(peer)} since it started`;
    if (this.#meeting) return;
    this.#meeting = true;
    const [before, demand] = [this.#state, this.#demands];
    this.#options.provers.barrier((error) => {
      this.#meeting = false;
      if (error === undefined && this.#state === before && this.#demands === demand) this.#hasMet = true;
    });
  }

  #prove(peer: MemberId): void {
    this.#proving = true;
    const isSought = (): boolean =>
      !this.#closed && this.#state.kind === 'free' && this.#peer === peer && this.#hasMet;
    this.#options.provers.prove(tieKindOf(this.member), nodeOfMember(peer), isSought, (result) => {
      this.#proving = false;
      if (!isSought()) return;
      this.#trouble = 'trouble' in result ? result.trouble : undefined;
      if ('how' in result) this.#take({ peer, how: result.how, knowsAll: true }, () => {});
    });
  }

  #read(): void {
    const { world, record } = this.#options;
    if (this.#closed) return;
    record.read((held) => {
      if (this.#closed) return undefined;
      if (held instanceof EterneError) {
        if (this.#trouble === undefined)
          world.log('error', `the tie-breaker's record cannot be read: ${held.message}`);
        this.#trouble = held.message;
        return void world.timers.after(RETRY_MS, () => this.#read());
      }
      this.#trouble = undefined;
      this.#state = held ? { kind: 'holding', held } : { kind: 'free' };
      return undefined;
    });
  }

  #take(held: ProofHeld, done: (error: EterneError | undefined) => void): void {
    this.#state = { kind: 'taking' };
    this.#options.world.log('warn', 'taking the tie-breaker', { peer: held.peer, how: held.how });
    this.#write(held, (error) => {
      if (!error) this.#state = { kind: 'holding', held };
      // Perhaps it is written all the same.
      else this.#clear(held.knowsAll);
      done(error);
    });
  }

  /** `knowsAll`: nothing is committed that this node lacks. */
  #clear(knowsAll: boolean): void {
    if (this.#state.kind !== 'clearing') this.#options.world.log('info', 'giving the tie-breaker up');
    this.#state = { kind: 'clearing' };
    this.#write(undefined, (error) => {
      if (error) {
        this.#trouble = error.message;
        return void this.#options.world.timers.after(RETRY_MS, () => this.#clear(knowsAll));
      }
      this.#trouble = undefined;
      this.#hasMet = knowsAll;
      this.#peer = this.#peerNow();
      this.#state = { kind: 'free' };
    });
  }

  /** One at a time: what is written next is asked for when the last write is over. */
  #write(held: ProofHeld | undefined, done: (error: EterneError | undefined) => void): void {
    this.#options.record.write(held, (error) => {
      if (!this.#closed) done(error);
    });
  }
}
