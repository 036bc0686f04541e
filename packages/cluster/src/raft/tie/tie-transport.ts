/**
 * Brings Raft's messages for the tie-breaker to who plays it on this node instead of the network. For the rest of Raft it is a member like any other.
 *
 * What it confirms the leader's peer may lack, and then that one could not take over alone. So while the other voter is heard a leader's
 * messages do not reach it; it begins to confirm when that one has been silent for `NEEDED_AFTER_HEARTBEATS`, well before the leader's
 * authority ends.
 */
import { EterneError } from '@eterne/base';
import type { Files, SharedDisks, Timer, World } from '@eterne/runtime';
import { isVoter, type Members } from '../members.ts';
import { decodeMessage, encodeMessage, type Message } from '../messages/message.ts';
import type { RaftTransport } from '../transport/port.ts';
import type { MemberId, RaftTiming } from '../types.ts';
import { ProofPlayer, type Provers } from './proof-player.ts';
import type { ProofHeld } from './proof-record.ts';
import { TieDriver } from './tie-driver.ts';
import { isTie, tieKindOf, type TieKind } from './tie-id.ts';
import type { TiePlayer } from './tie-player.ts';
import { isLeaders, reply } from './tie-voter.ts';

const NEEDED_AFTER_HEARTBEATS = 2.5;
const FOLLOW_INTERVAL_MS = 500;

export interface TieTransportOptions {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly disks: SharedDisks;
  readonly self: MemberId;
  readonly timing: () => RaftTiming;
  /** Where one on a disk is on this node; undefined: nobody has said. */
  readonly path: () => string | undefined;
  /** What one without a disk needs; absent: this node has none of that kind. */
  readonly proof?: ProofParts;
  /** It must not be used now: this node seems to be the one that is cut off. */
  readonly isVetoed?: () => boolean;
  /** The log's members, as they are now. */
  readonly members: () => Members;
}

export interface ProofParts {
  readonly files: Files;
  /** Of its record. */
  readonly recordPath: string;
  readonly provers: Provers;
}

export interface TieSeen {
  readonly kind: TieKind;
  readonly votes: boolean;
  readonly trouble: string | undefined;
  /** This node alone may use it. */
  readonly held: ProofHeld | undefined;
}

export class TieTransport implements RaftTransport {
  readonly #inner: RaftTransport;
  readonly #options: TieTransportOptions;
  readonly #timer: Timer;
  #player: TiePlayer | undefined;
  #proof: ProofPlayer | undefined;
  #voterHeardMs = Number.NEGATIVE_INFINITY;
  #onMessage: (from: MemberId, message: Buffer) => void = () => {};

  constructor(inner: RaftTransport, options: TieTransportOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#timer = options.world.timers.every(FOLLOW_INTERVAL_MS, () => this.#follow());
  }

  /** How this node sees the log's tie-breaker; undefined when there is none. */
  get tie(): TieSeen | undefined {
    const member = this.#options.members().find(({ id }) => isTie(id));
    if (member === undefined) return undefined;
    const isVetoed = this.#options.isVetoed?.() === true;
    const trouble = isVetoed ? 'no reference address answers' : this.#player?.trouble;
    return { kind: tieKindOf(member.id), votes: member.role === 'voter', trouble, held: this.#proof?.held };
  }

  /** An operator's word that the other node of the pair has stopped. */
  takeByWord(how: string, acceptLoss: boolean, done: (error: EterneError | undefined) => void): void {
    if (this.#proof) return this.#proof.takeByWord(how, acceptLoss, done);
    const error = new EterneError(
      'refused',
      'this node cannot go on alone by a word: its tie-breaker decides',
    );
    this.#options.world.timers.soon(() => done(error));
  }

  send(to: MemberId, message: Buffer): void {
    if (!isTie(to)) return this.#inner.send(to, message);
    const decoded = decodeMessage(message);
    if (decoded instanceof EterneError) throw decoded;
    if (isLeaders(decoded) && !this.#isNeeded(to)) return;
    if (isVoter(this.#options.members(), to) && this.#options.isVetoed?.() === true) return;
    this.#playerOf(to)?.ask(decoded);
  }

  onMessage(listener: (from: MemberId, message: Buffer) => void): void {
    this.#onMessage = listener;
    this.#inner.onMessage((from, message) => {
      // Also the very first message of a start: this node may hold the tie-breaker since an earlier one.
      this.#follow();
      if (this.#player?.refuses(from) === true) return;
      if (isVoter(this.#options.members(), from)) this.#voterHeardMs = this.#options.world.clock.bootMs();
      listener(from, message);
    });
  }

  onGone(listener: (from: MemberId) => void): void {
    this.#inner.onGone(listener);
  }

  close(): void {
    this.#timer.cancel();
    this.#end();
    this.#inner.close();
  }

  /** A learner has to catch up, which nobody's rights depend on. */
  #isNeeded(tie: MemberId): boolean {
    const { members, world, timing } = this.#options;
    const silentMs = world.clock.bootMs() - this.#voterHeardMs;
    return !isVoter(members(), tie) || silentMs >= NEEDED_AFTER_HEARTBEATS * timing().heartbeatMs;
  }

  /** It is watched also while nobody asks: a vote depends on since when the other node has not used it. */
  #follow(): void {
    const tie = this.#options.members().find(({ id }) => isTie(id));
    if (tie) this.#playerOf(tie.id);
    else this.#end();
  }

  #end(): void {
    this.#player?.close();
    this.#player = undefined;
    this.#proof = undefined;
  }

  #playerOf(member: MemberId): TiePlayer | undefined {
    if (this.#player?.member === member) return this.#player;
    this.#end();
    this.#player = tieKindOf(member) === 'disk' ? this.#onDisk(member) : this.#byProof(member);
    return this.#player;
  }

  #onDisk(member: MemberId): TiePlayer | undefined {
    const path = this.#options.path();
    if (path === undefined) return undefined;
    const { world, disks, self } = this.#options;
    const answer = (message: Message): void => this.#onMessage(message.from, encodeMessage(message));
    return new TieDriver({ world, disks, path, member, self, answer });
  }

  #byProof(member: MemberId): TiePlayer | undefined {
    const { world, proof, self, members } = this.#options;
    if (proof === undefined) return undefined;
    const answer: ConstructorParameters<typeof ProofPlayer>[0]['answer'] = (to, { term, body }) =>
      this.#onMessage(member, encodeMessage(reply(member, to, term, body)));
    const { files, recordPath: path, provers } = proof;
    this.#proof = new ProofPlayer({
      world: { ...world, files },
      path,
      member,
      self,
      members,
      provers,
      answer,
    });
    return this.#proof;
  }
}
