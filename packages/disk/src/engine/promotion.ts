/**
 * From secondary to primary:
 *
 * 1. Refuse what the rules forbid; also where a growth was cut short and not every member of the set is known to have the new size
 *    (`resize/volume-size.ts`). Of a copy into this replica that is not over (`whileCopied`) the source gives its names now: both sides know durably what is
 *    missing here. The source is then the only member of the set, and this replica joins it when it has every block (`borrowing.ts`).
 * 2. End sessions whose outcome the new role changes, and let everything of older terms leave the store.
 * 3. Fresh replicas: every block is dirty for every peer, durably.
 * 4. Without a cluster, who copies to a peer makes the new term durable first, with the set as it is. Were it to die while only the peer knows the term, that one
 *    would be half-copied and have seen more than its source, which then could neither go on with the copy nor be promoted.
 * 5. Connected peers make the new term and set durable; without a cluster the rules are asked once more, as one of them may have been lost.
 *    One that is being overwritten from here may: it is no rival.
 * 6. So does this replica. Only now is anything served.
 */
import { EterneError } from '@eterne/base';
import { NIL_UUID, type MetadataState } from '../metadata/index.ts';
import type { StateMessage } from '../protocol/messages/state.ts';
import type { Grant, PromoteRequest, Term } from './api.ts';
import type { Peer } from './link/peer.ts';
import type { Session } from './link/session.ts';
import { isEqualToSet, whyNotBorrow } from './borrowing.ts';
import type { Replica } from './replica.ts';

const GIVEN_UP = 'it does not serve after all: the copy goes on';

export interface PromotionParts {
  readonly replica: Replica;
  readonly request: PromoteRequest;
  /** Tells the connected peers; `done` when each has made it durable or is gone. */
  announce(state: Omit<StateMessage, 'id'>, done: () => void): void;
  /** Everything is durable: serve, or learn why not. Called once. */
  done(result: { readonly term: Term } | EterneError): void;
}

export class Promotion {
  readonly #parts: PromotionParts;
  /** When it was asked whether the members have it. */
  readonly #sizeBytes: number;
  #isOver = false;
  #isPersisting = false;
  /** What is copied from here goes on while this replica serves. */
  #source: Peer | undefined;
  /** Peers that were being copied to from here just before they were told. Whatever ends the copy comes behind that. */
  #overwritten: readonly Peer[] = [];
  #taken: Term | undefined;
  /** Before it took that term. From then on it is the last primary, which a peer might outlive. */
  #wasCertain = false;

  constructor(parts: PromotionParts) {
    this.#parts = parts;
    this.#sizeBytes = parts.replica.sizeBytes;
  }

  start(): void {
    const problem = this.#problem() ?? this.#sizeProblem();
    if (problem !== undefined) return this.#finish(problem);
    const { granted, whileCopied } = this.#parts.request;
    const source = whileCopied === true && granted === undefined ? this.#copiedFrom() : undefined;
    if (source?.session === undefined) return this.#begin();
    source.session.takeOver((error) => {
      if (error === undefined && this.#isOver) source.reset(GIVEN_UP);
      if (error !== undefined) return this.#finish(error);
      if (this.#isOver) return;
      this.#source = source;
      this.#begin();
    });
  }

  #copiedFrom(): Peer | undefined {
    return this.#parts.replica.peers.find(({ session }) => session?.phase === 'target');
  }

  /** A copy may have ended while it was asked for. */
  get #borrows(): boolean {
    return this.#source !== undefined && this.#parts.replica.metadata.state.diskState === 'Inconsistent';
  }

  #begin(): void {
    const { replica } = this.#parts;
    for (const peer of replica.peers) {
      const phase = peer.session?.phase;
      const isAsLarge = peer.session?.peerSizeBytes === replica.sizeBytes;
      const isKept = (phase === 'established' || phase === 'source') && isAsLarge && !isOneSided(peer);
      if (!isKept || peer.session?.peerRole === 'primary') peer.reset('a promotion begins');
    }
    replica.whenQuiet(() => {
      // What those sessions had begun may have changed the answer.
      const late = this.#problem() ?? this.#growthMeanwhile();
      if (late !== undefined) return this.#finish(late);
      replica.rescue?.promoted();
      this.#markFresh();
    });
  }

  /** Duty 4: the term that is, or is about to be, durable here. */
  get taken(): Term | undefined {
    return this.#taken;
  }

  /** Another node tells that it is being promoted. True: it is to be ignored, because this promotion goes first. */
  conflictsWith(peerNode: string, state: StateMessage): boolean {
    if (this.#isOver || state.role !== 'primary') return false;
    const { granted } = this.#parts.request;
    const { node } = this.#parts.replica.config;
    const mineGoesFirst = granted === undefined ? node < peerNode : granted.term.number > state.term.number;
    if (mineGoesFirst || this.#isPersisting) return true;
    this.#finish(new EterneError('conflict', `${peerNode} is being promoted`));
    return false;
  }

  #problem(): EterneError | undefined {
    const { replica, request } = this.#parts;
    const { granted } = request;
    if (replica.disk.failure !== undefined)
      return new EterneError('io', `the disk has failed: ${replica.disk.failure.message}`);
    this.#overwritten = replica.peers.filter(({ session }) => session?.isOverwritten === true);
    return granted === undefined ? this.#problemAlone() : this.#problemGranted(granted);
  }

  /** Asked while all sessions are there that tell how large the members are; what they have durably they keep. */
  #sizeProblem(): EterneError | undefined {
    const { replica, request } = this.#parts;
    if (request.force) return undefined;
    const { set } = request.granted ?? this.#ownGrant(connected(replica));
    return replica.size.whyNotServe(set.members);
  }

  #growthMeanwhile(): EterneError | undefined {
    const { replica, request } = this.#parts;
    const hasGrown = !request.force && replica.sizeBytes !== this.#sizeBytes;
    return hasGrown ? new EterneError('busy', 'this replica has grown meanwhile') : undefined;
  }

  #problemGranted(granted: Grant): EterneError | undefined {
    const { replica } = this.#parts;
    const { term, set, diskState, justCreated } = replica.metadata.state;
    if (granted.term.number < term.number)
      return refused(`term ${granted.term.number} is older than ${term.number}, which this replica has seen`);
    if (granted.term.number === term.number && granted.term.grantor !== term.grantor)
      return refused(`term ${term.number} was granted by ${term.grantor}, too`);
    if (granted.term.grantor === term.grantor && granted.set.version < set.version)
      return refused(`set version ${granted.set.version} is older than ${set.version}`);
    if (!granted.set.members.includes(replica.config.node))
      return refused('this replica is not in the in-sync set');
    if (diskState === 'Inconsistent' && !justCreated) return refused('this replica is Inconsistent');
    if (justCreated && set.members.includes(replica.config.node))
      return refused('the content of this replica was given up, and nothing copied to it since');
    return undefined;
  }

  #problemAlone(): EterneError | undefined {
    const { replica, request } = this.#parts;
    const other = replica.peers.find((peer) => peer.session?.peerRole === 'primary');
    if (other !== undefined) return refused(`${other.node} is primary: demote it first`);
    const source = this.#copiedFrom();
    const isMissingBlocks = source !== undefined || replica.diskState() === 'Inconsistent';
    if (request.whileCopied === true && isMissingBlocks) return whyNotBorrow(replica, this.#source);
    if (request.force) return undefined;
    // The other side may have named what it has by now: promoted from here, both would have gone on apart.
    if (source !== undefined) {
      const hint = 'promote --while-copied serves from there meanwhile';
      return new EterneError('refused', `a copy from ${source.node} has begun: wait for its end`, { hint });
    }
    const hint = 'promote --force, if this copy is the one to go on with';
    const opened = replica.peers.find(({ hasOpenedCopy }) => hasOpenedCopy);
    if (opened !== undefined)
      return new EterneError('refused', `a copy from ${opened.node} had begun when it was paused`, { hint });
    const diskState = replica.diskState();
    if (diskState === 'UpToDate' || this.#wasCertain) return undefined;
    const { justCreated } = replica.metadata.state;
    if (justCreated) return new EterneError('refused', 'this replica is new and empty', { hint });
    if (request.whileCopied === true && isEqualToSet(replica)) return undefined;
    if (diskState === 'Consistent' && this.#prevails()) return undefined;
    return new EterneError('refused', `this replica is ${diskState}, perhaps not the newest copy`, { hint });
  }

  /**
   * Whoever else may have every acknowledged write is being overwritten from here, and knows that durably: Inconsistent, or Outdated once it has gone
   * back to what it was, it is promoted by force only, whatever it hears of this promotion.
   */
  #prevails(): boolean {
    const { config, metadata } = this.#parts.replica;
    const { members } = metadata.state.set;
    const others = members.filter((member) => member !== config.node);
    const isOverwritten = (member: string): boolean => this.#overwritten.some(({ node }) => node === member);
    return members.includes(config.node) && others.every(isOverwritten);
  }

  /** Duty 3. */
  #markFresh(): void {
    const { replica } = this.#parts;
    const { metadata, peers } = replica;
    if (!metadata.state.justCreated) return this.#takeTerm();
    for (const peer of peers) peer.bitmap.markAll();
    metadata.persistBitmaps((error) => {
      if (error === undefined) this.#takeTerm();
      else this.#finish(error);
    });
  }

  /** Duty 4. */
  #takeTerm(): void {
    if (this.#isOver) return;
    const { replica, request } = this.#parts;
    const sessions = connected(replica);
    const copies = sessions.some(({ phase }) => phase === 'source');
    const isSure = request.force || replica.isCertain || this.#prevails();
    if (request.granted !== undefined || !copies || !isSure) return this.#tellPeers();
    this.#wasCertain = replica.isCertain;
    // Above the number of a target that is promoted by force before it hears of this one.
    const term = { number: highestTerm(replica, sessions) + 2, grantor: replica.config.node };
    this.#taken = term;
    replica.metadata.update(
      (state) => ({ ...state, term }),
      (error) => {
        const problem = error ?? this.#problem();
        if (problem === undefined) this.#tellPeers();
        else this.#giveUp(problem);
      },
    );
  }

  /** Duty 5. A peer that is lost meanwhile is dealt with as any loss, once the term is served. */
  #tellPeers(): void {
    if (this.#isOver) return;
    const next = this.#next(connected(this.#parts.replica));
    const state = { ...next, current: next.generations.current, equal: [] };
    this.#parts.announce(state, () => this.#told(next));
  }

  /** Where nobody else grants terms: a peer that fell silent while it was told may be promoted, too, and this replica was sure only because of it. */
  #told(next: MetadataState): void {
    if (this.#isOver) return;
    const problem = this.#parts.request.granted === undefined ? this.#problemAlone() : undefined;
    if (problem === undefined) this.#persist(next);
    else this.#giveUp(problem);
  }

  /** Peers learn at the next meeting which term was taken for nothing: they must not take it, too. */
  #giveUp(problem: EterneError): void {
    if (this.#taken !== undefined)
      for (const peer of this.#parts.replica.peers) peer.reset('a promotion was given up');
    this.#finish(problem);
  }

  #next(sessions: readonly Session[]): MetadataState {
    const { replica, request } = this.#parts;
    const { state } = replica.metadata;
    const { random } = replica.world;
    const { current } = state.generations;
    // Two replicas that were equal by word have no volume uuid yet; promoted apart they must come to the same.
    const volumeUuid = current === NIL_UUID ? random.uuid() : current;
    return {
      ...state,
      ...(request.granted ?? this.#ownGrant(sessions)),
      role: 'primary',
      diskState: this.#borrows ? 'Inconsistent' : 'UpToDate',
      justCreated: false,
      volumeUuid: state.volumeUuid === NIL_UUID ? volumeUuid : state.volumeUuid,
      generations: { ...state.generations, current: current === NIL_UUID ? random.uuid() : current },
    };
  }

  /**
   * Standalone, the operator's word is the grant: this replica and those of its set that are equal to it. One that is equal and not of the set joins
   * it when it follows (primary.ts): if this term ends before it begins here, it must not be left as one of two who are both sure of themselves.
   * Where somebody else settles losses (`ask`) members that are not here stay in the set, so that nothing is acknowledged before they have been asked for.
   */
  #ownGrant(sessions: readonly Session[]): Grant {
    const { replica } = this.#parts;
    const { node } = replica.config;
    const { set } = replica.metadata.state;
    const highest = highestTerm(replica, sessions);
    const taken = this.#taken;
    const isNewest = taken !== undefined && taken.number >= highest;
    const term = isNewest ? taken : { number: highest + 1, grantor: node };
    if (this.#source !== undefined && this.#borrows)
      return { term, set: { version: set.version + 1, members: [this.#source.node] } };
    const { mode, onPeerLost } = replica.config;
    const isEqual = (member: string): boolean =>
      sessions.some((session) => session.peerNode === member && session.isEqual && !session.isLender);
    const stays = (member: string): boolean => mode === 'sync' && (onPeerLost === 'ask' || isEqual(member));
    return {
      term,
      set: { version: set.version + 1, members: [...new Set([node, ...set.members.filter(stays)])].sort() },
    };
  }

  #persist(next: MetadataState): void {
    const change = (state: MetadataState): MetadataState => ({
      ...state,
      term: next.term,
      set: next.set,
      role: next.role,
      promotedAtWallMs: Math.max(0, Math.floor(this.#parts.replica.world.clock.wallMs())),
      diskState: next.diskState,
      justCreated: next.justCreated,
      unconfirmedBytes: 0,
      undoneSync: NIL_UUID,
      volumeUuid: next.volumeUuid,
      generations: { ...state.generations, current: next.generations.current },
    });
    this.#isPersisting = true;
    this.#parts.replica.metadata.update(change, (error) => this.#finish(error ?? { term: next.term }));
  }

  #finish(result: { readonly term: Term } | EterneError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (result instanceof EterneError) this.#source?.reset(GIVEN_UP);
    this.#parts.done(result);
  }
}

function connected({ peers }: Replica): Session[] {
  return peers.flatMap(({ session }) => session ?? []);
}

function highestTerm({ metadata }: Replica, sessions: readonly Session[]): number {
  return Math.max(metadata.state.term.number, ...sessions.map(({ peerTerm }) => peerTerm.number));
}

/**
 * Whatever its session looks like: the peer reads here what it lacks, and is no equal; or it repairs this replica, by blocks of an older term that would be put over what is
 * written in this one.
 */
function isOneSided({ session }: Peer): boolean {
  return session?.isLender === true || session?.isRepaired === true;
}

function refused(message: string): EterneError {
  return new EterneError('refused', message);
}
