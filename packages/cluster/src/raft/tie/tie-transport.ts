/**
 * Brings Raft's messages for the tie-breaker to who plays it on this node instead of the network. For the rest of Raft it is a member like any other.
 *
 * What it confirms the leader's peer may lack, and then that one could not take over alone. So while the other voter is heard a leader's
 * messages do not reach it; it begins to confirm when that one has been silent for `NEEDED_AFTER_HEARTBEATS`, well before the leader's
 * authority ends. So it does when that one is heard, and has confirmed nothing for so long that its disk hangs.
 *
 * Whom this node has left out (barred.ts) is told that instead of everything else, and not believed. Before that is read nobody is told or believed anything.
 */
import { EterneError } from '@eterne/base';
import type { Files, SharedDisks, Timer, World } from '@eterne/runtime';
import type { DropReason } from '../../heart/drops.ts';
import { isMember, isVoter, type Members } from '../members.ts';
import { decodeMessage, encodeMessage, type Message } from '../messages/message.ts';
import type { RaftStatus } from '../node.ts';
import { HUNG_AFTER_MS } from '../persister.ts';
import type { RaftTransport } from '../transport/port.ts';
import type { MemberId, RaftTiming } from '../types.ts';
import { decodeNotice, encodeNotice, isLater, isNotice, type Barred } from './barred.ts';
import { unwrap, type Half, type Unwrapped } from './lineage.ts';
import { ProofPlayer, type ProofPlayerOptions, type Provers } from './proof-player.ts';
import { ProofFile, type ProofHeld } from './proof-record.ts';
import { SoloPlayer, type SoloSeen } from './solo-player.ts';
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
  /** The log's members; undefined: it is not open yet. */
  readonly log: () => Pick<RaftStatus, 'members' | 'membersBefore'> | undefined;
  /** Since when another voter confirms to this leader nothing of what it lacks; +Infinity: none is so. */
  readonly behindSinceMs: () => number;
  /** A message is not believed. */
  readonly onDrop?: (reason: DropReason) => void;
}

export interface ProofParts {
  readonly files: Files;
  /** Of its record. */
  readonly recordPath: string;
  readonly provers: Provers;
  /** For one that lets both go on; absent: this node has none of that kind. */
  readonly solo?: {
    readonly recordPath: string;
    readonly logPath: string;
    readonly begin: () => Omit<Half, 'knowsAll'>;
  };
}

export interface TieSeen {
  readonly kind: TieKind;
  readonly votes: boolean;
  /** Why it does not answer this node. A third node that listens has nothing to ask it. */
  readonly trouble: string | undefined;
  /** This node alone may use it. */
  readonly held: ProofHeld | undefined;
  /** Of one that lets both go on. */
  readonly solo: SoloSeen | undefined;
  /** Whom this node has left out. */
  readonly barred: ReadonlySet<MemberId>;
  /** Who has left this node out. */
  readonly leftOutBy: MemberId | undefined;
}

/** What a leader that changes the log's members has to know beside them (node/voters.ts). */
export interface SeenTie {
  /** The other of a pair, while this node alone may use the tie-breaker, by proof or by silence. */
  readonly silenced: MemberId | undefined;
  /** Whom this node has left out; a newcomer would believe them, so that nobody comes before they are out of the state. */
  readonly barred: ReadonlySet<MemberId>;
  /** It does not answer this node. */
  readonly isSilent: boolean;
}

export const NO_TIE_SEEN: SeenTie = { silenced: undefined, barred: new Set(), isSilent: false };

export class TieTransport implements RaftTransport {
  readonly #inner: RaftTransport;
  readonly #options: TieTransportOptions;
  readonly #timer: Timer;
  #player: TiePlayer | undefined;
  #proof: ProofPlayer | undefined;
  #solo: SoloPlayer | undefined;
  /** Undefined: this node has no tie-breaker of that kind. */
  readonly #file: ProofFile | undefined;
  #loadTrouble: string | undefined;
  #isLoading = false;
  #leftOutBy: MemberId | undefined;
  #voterHeardMs = Number.NEGATIVE_INFINITY;
  #onMessage: (from: MemberId, message: Buffer) => void = () => {};

  constructor(inner: RaftTransport, options: TieTransportOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#timer = options.world.timers.every(FOLLOW_INTERVAL_MS, () => this.#follow());
    const { proof } = options;
    this.#file = proof && new ProofFile(proof.files, proof.recordPath);
    this.#load();
  }

  get seen(): SeenTie {
    const { tie } = this;
    const answers = tie?.kind === 'disk' ? tie.trouble === undefined : tie?.held !== undefined;
    return {
      silenced: tie?.held?.peer,
      barred: this.#barredIds,
      isSilent: tie !== undefined && !answers,
    };
  }

  get #barredIds(): ReadonlySet<MemberId> {
    return new Set((this.#file?.barred ?? []).map(({ id }) => id));
  }

  /** How this node sees the log's tie-breaker; undefined when there is none. */
  get tie(): TieSeen | undefined {
    const member = this.#tie();
    if (member === undefined) return undefined;
    const members = this.#members();
    const isVetoed = this.#options.isVetoed?.() === true;
    const isForUs = isVoter(members, this.#options.self);
    const kind = tieKindOf(member);
    const lacks = kind === 'disk' && this.#player === undefined ? 'no disk is configured for it' : undefined;
    const silence = this.#loadTrouble ?? lacks ?? this.#player?.trouble;
    const trouble = isVetoed ? 'no reference address answers' : silence;
    const votes = isVoter(members, member);
    return {
      kind,
      votes,
      trouble: isForUs ? trouble : undefined,
      held: this.#proof?.held,
      solo: this.#solo?.seen,
      barred: this.#barredIds,
      leftOutBy: this.#leftOutBy,
    };
  }

  /** This node's half of the pair gives way; from the next start of its service its log is the one of before. */
  giveWay(done: (error: EterneError | undefined) => void): void {
    if (this.#solo) return this.#solo.giveWay(done);
    return this.#options.world.timers.soon(() => done(new EterneError('refused', 'this log has no halves')));
  }

  /** An operator's word that the other node of the pair has stopped. */
  takeByWord(how: string, acceptLoss: boolean, done: (error: EterneError | undefined) => void): void {
    if (this.#proof) return this.#proof.takeByWord(how, acceptLoss, done);
    const error =
      this.#tie() === undefined
        ? new EterneError(
            'refused',
            'there is no tie-breaker that could take a word: the other node has to come back',
            { hint: 'where it never will: stop this node, and `eterne cluster recover`' },
          )
        : new EterneError('refused', 'this node cannot go on alone by a word: its tie-breaker decides');
    this.#options.world.timers.soon(() => done(error));
  }

  send(to: MemberId, message: Buffer): void {
    if (!isTie(to)) return this.#tell(to, message);
    const decoded = decodeMessage(message);
    if (decoded instanceof EterneError) throw decoded;
    if (isLeaders(decoded) && !this.#isNeeded(to)) return;
    if (isVoter(this.#members(), to) && this.#options.isVetoed?.() === true) return;
    this.#playerOf(to)?.ask(decoded);
  }

  onMessage(listener: (from: MemberId, message: Buffer) => void): void {
    this.#onMessage = listener;
    this.#inner.onMessage((from, bytes) => {
      // Also the very first message of a start: this node may hold the tie-breaker since an earlier one.
      this.#follow();
      if (!this.#isWith(from, bytes)) return;
      const message = this.#unwrapped(from, bytes);
      if (message === undefined || this.#player?.refuses(from) === true) return;
      if (isVoter(this.#members(), from)) this.#voterHeardMs = this.#options.world.clock.bootMs();
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

  #load(): void {
    if (this.#isLoading || this.#file === undefined || this.#file.barred !== undefined) return;
    this.#isLoading = true;
    this.#file.load((error) => {
      this.#isLoading = false;
      if (error && this.#loadTrouble === undefined)
        this.#options.world.log('error', `this node takes no part in the cluster's log: ${error.message}`);
      this.#loadTrouble = error?.message;
    });
  }

  /** Neither has left the other out, as far as is known here. */
  #isWith(from: MemberId, bytes: Buffer): boolean {
    if (isNotice(bytes)) {
      this.#hearNotice(from, bytes);
      return false;
    }
    if (this.#file === undefined) return true;
    const barred = this.#barred(from);
    if (barred) {
      this.#inner.send(from, encodeNotice(barred.atMs));
      this.#options.onDrop?.('parted');
    }
    return barred === undefined && this.#file.barred !== undefined;
  }

  #hearNotice(from: MemberId, bytes: Buffer): void {
    const { world, self, onDrop } = this.#options;
    let atMs: number;
    try {
      atMs = decodeNotice(bytes);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      return onDrop?.('malformed');
    }
    if (!isMember(this.#known(), from) || this.#file?.barred === undefined) return undefined;
    const own = this.#barred(from);
    const isOver = own !== undefined && isLater({ ...own, by: self }, { by: from, atMs });
    if (!isOver && this.#leftOutBy !== from)
      world.log(
        'error',
        `${from} went on without this node by an operator's word: this one has to join anew`,
      );
    this.#leftOutBy = isOver ? undefined : from;
    if (!isOver) this.#proof?.giveUp();
    return undefined;
  }

  #barred(member: MemberId): Barred | undefined {
    return this.#file?.barred?.find(({ id }) => id === member);
  }

  /** Also the very first message of a start says what this node's log has been through. */
  #tell(to: MemberId, message: Buffer): void {
    const barred = this.#barred(to);
    if (barred) return this.#inner.send(to, encodeNotice(barred.atMs));
    if (this.#file !== undefined && this.#file.barred === undefined) return;
    const tie = this.#tie();
    if (tie !== undefined && tieKindOf(tie) === 'solo') this.#playerOf(tie);
    const told = this.#solo ? this.#solo.wrap(message) : message;
    if (told !== undefined) this.#inner.send(to, told);
  }

  /** Undefined: not to be believed. */
  #unwrapped(from: MemberId, bytes: Buffer): Buffer | undefined {
    let unwrapped: Unwrapped;
    try {
      unwrapped = unwrap(bytes);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      this.#options.world.log('warn', `a message of ${from} is not believed: ${error.message}`);
      this.#options.onDrop?.('malformed');
      return undefined;
    }
    const { lineage, message } = unwrapped;
    if (lineage !== undefined && this.#isRemoved(from)) {
      this.#options.onDrop?.('stranger');
      return undefined;
    }
    const isPeer = this.#solo !== undefined && isVoter(this.#known(), from);
    if (!isPeer || this.#solo?.believes(lineage) === true) return message;
    if (this.#solo?.seen.parted) this.#options.onDrop?.('parted');
    return undefined;
  }

  /** A learner has to catch up, which nobody's rights depend on. Who beats on and confirms nothing is no more than who is silent. */
  #isNeeded(tie: MemberId): boolean {
    const { world, timing, behindSinceMs } = this.#options;
    const nowMs = world.clock.bootMs();
    return (
      !isVoter(this.#members(), tie) ||
      nowMs - this.#voterHeardMs >= NEEDED_AFTER_HEARTBEATS * timing().heartbeatMs ||
      nowMs - behindSinceMs() >= HUNG_AFTER_MS
    );
  }

  /** It is watched also while nobody asks: a vote depends on since when the other node has not used it. */
  #follow(): void {
    this.#load();
    const tie = this.#tie();
    if (tie === undefined) this.#end();
    else this.#playerOf(tie);
  }

  /** Also one whose removal is in the log and not known to be committed: the other node may use it as long as it has not heard of that. */
  #tie(): MemberId | undefined {
    return this.#known().find(({ id }) => isTie(id))?.id;
  }

  /** Of who was one of a pair: it may have been removed while it went on alone, and know nothing of that. A log that is empty knows nobody yet. */
  #isRemoved(member: MemberId): boolean {
    const known = this.#known();
    return known.length > 0 && !isMember(known, member);
  }

  /** Of the newest membership, and of the one before while that may still count. */
  #known(): Members {
    const { members = [], membersBefore = [] } = this.#options.log() ?? {};
    return [...members, ...membersBefore];
  }

  #members(): Members {
    return this.#options.log()?.members ?? [];
  }

  #end(): void {
    this.#player?.close();
    this.#player = undefined;
    this.#proof = undefined;
    this.#solo = undefined;
  }

  #playerOf(member: MemberId): TiePlayer | undefined {
    if (this.#player?.member === member) return this.#player;
    this.#end();
    this.#player = this.#newPlayer(member);
    return this.#player;
  }

  #newPlayer(member: MemberId): TiePlayer | undefined {
    switch (tieKindOf(member)) {
      case 'disk':
        return this.#onDisk(member);
      case 'proof':
        return this.#byProof(member);
      case 'solo':
        return this.#bySilence(member);
    }
  }

  #onDisk(member: MemberId): TiePlayer | undefined {
    const path = this.#options.path();
    if (path === undefined) return undefined;
    const { world, disks, self } = this.#options;
    const answer = (message: Message): void => this.#onMessage(message.from, encodeMessage(message));
    return new TieDriver({ world, disks, path, member, self, answer });
  }

  #byProof(member: MemberId): TiePlayer | undefined {
    const { world, proof } = this.#options;
    if (proof === undefined || this.#file === undefined) return undefined;
    const { provers } = proof;
    const record = this.#file.recordOf(member, () => this.#left());
    this.#proof = new ProofPlayer({ ...this.#playing(member), world, provers, record });
    return this.#proof;
  }

  #bySilence(member: MemberId): TiePlayer | undefined {
    const { world, proof } = this.#options;
    if (proof?.solo === undefined) return undefined;
    const { files, provers, solo } = proof;
    this.#solo = new SoloPlayer({ ...this.#playing(member), ...solo, world, files, provers });
    this.#proof = this.#solo.proof;
    return this.#solo;
  }

  /** All but this node: also who only listens may have heard of the other what this one lacks. */
  #left(): readonly Barred[] {
    const { self, world } = this.#options;
    const atMs = world.clock.wallMs();
    const others = this.#known().filter(({ id }) => id !== self && !isTie(id));
    return [...new Set(others.map(({ id }) => id))].map((id) => ({ id, atMs }));
  }

  #playing(member: MemberId): Pick<ProofPlayerOptions, 'member' | 'self' | 'members' | 'answer'> {
    return {
      member,
      self: this.#options.self,
      members: () => this.#members(),
      answer: (to, { term, body }) => this.#onMessage(member, encodeMessage(reply(member, to, term, body))),
    };
  }
}
