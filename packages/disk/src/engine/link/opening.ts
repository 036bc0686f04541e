/**
 * The handshake of a session: both HELLOs, the decision, and what must be durable before anything follows from it.
 *
 * 1. HELLO is sent only when nothing of an earlier session or term is still on its way to disk or metadata. What a primary of the
 *    present term writes meanwhile is no hindrance; to hear of a newer term ends that primary's session, and this one, first.
 * 2. The decision is computed from what was *said*; a side that has changed since then ends the session, and the next one agrees.
 * 3. The other side's incarnation, higher term and newer set are durable before the outcome takes effect.
 */
import { EterneError, unreachable } from '@eterne/base';
import {
  decideHandshake,
  hasForgotten,
  madeWhole,
  type HandshakeDecision,
  type MetadataState,
  type ReplicaSummary,
} from '../../metadata/index.ts';
import { decodeHello, encodeHello, type Hello } from '../../protocol/messages/hello.ts';
import { FrameType, OLDEST_VERSION } from '../../protocol/wire.ts';
import { smallerSide } from '../resize/volume-size.ts';
import { settleSplitBrain } from '../split-brain/settle.ts';
import { afterHandshake, withNewerTerm } from './after-handshake.ts';
import { awaitingPromotion } from './await-promotion.ts';
import type { Channel } from './channel.ts';
import { mistaken } from './lives.ts';
import type { Peer } from './peer.ts';
import { sameGenerations, saysTheSame } from './summaries.ts';

/** Decisions that make a connection. */
export type Outcome = Extract<HandshakeDecision, { kind: 'none' | 'wait' | 'sync' }>;

export interface OpeningHost {
  /** No HELLO has come yet, and the session is not over. */
  readonly awaitsHello: boolean;
  updateDuty(change: (state: MetadataState) => MetadataState, then: () => void): void;
  /** The peer has introduced itself. */
  met(theirs: ReplicaSummary): void;
  entered(outcome: Outcome): void;
  close(reason: string): void;
}

export class Opening {
  readonly #host: OpeningHost;
  readonly #peer: Peer;
  readonly #channel: Channel;
  readonly #isDialer: boolean;
  #said: Hello | undefined;
  /** Both sides' content has one name. */
  hasSameName = false;
  /** Of the protocol, after the peer's HELLO. */
  version = OLDEST_VERSION;

  constructor(host: OpeningHost, peer: Peer, channel: Channel, isDialer: boolean) {
    this.#host = host;
    this.#peer = peer;
    this.#channel = channel;
    this.#isDialer = isDialer;
  }

  /** The acceptor speaks first, in a session that it names. */
  start(): void {
    if (this.#isDialer) return;
    const { replica } = this.#peer;
    this.#channel.open(1 + replica.world.random.below(0xffff_fffe));
    replica.whenQuiet(() => this.#sendHello(), this.#peer);
  }

  hello(body: Buffer): void {
    const { replica, node } = this.#peer;
    const hello = decodeHello(body);
    const { volume, toNode, summary, version } = hello;
    const isForUs = volume === replica.config.name && toNode === replica.config.node;
    if (!this.#host.awaitsHello || !isForUs || summary.node !== node)
      throw new EterneError('protocol', 'an unexpected HELLO');
    this.version = version;
    const mistake = mistaken(node, this.#peer.lives, hello.lives);
    if (mistake !== undefined) return this.#refuse(mistake);
    if (this.#isDialer) return this.#answer(hello);
    this.#peer.takeOver();
    this.#decide(hello);
  }

  /** Before anything is decided, so that nothing is remembered of whoever it is. */
  #refuse(mistake: string): void {
    this.#peer.complain(mistake);
    if (this.#isDialer) this.#channel.open(this.#channel.session ?? 0);
    this.#channel.bye(mistake);
  }

  #answer(theirs: Hello): void {
    this.#channel.hold();
    this.#channel.open(this.#channel.session ?? 0);
    this.#peer.replica.whenQuiet(() => {
      if (!this.#host.awaitsHello) return;
      this.#sendHello();
      if (this.#channel.closed) return;
      this.#decide(theirs);
      this.#channel.release();
    }, this.#peer);
  }

  #sendHello(): void {
    if (!this.#host.awaitsHello) return;
    if (!this.#peer.mayMeet()) return this.#host.close('this side cannot shake hands now');
    const { lives, replica } = this.#peer;
    const { arbiterIsLocal, config, follows } = replica;
    this.#said = {
      volume: config.name,
      toNode: this.#peer.node,
      summary: this.#summary(),
      follows,
      waitsWhenLost: arbiterIsLocal && config.onPeerLost === 'freeze',
      ...(lives === undefined ? {} : { lives }),
    };
    this.#channel.sender.send(FrameType.hello, encodeHello(this.#said));
  }

  #decide({ summary: theirs, follows, waitsWhenLost }: Hello): void {
    const { replica } = this.#peer;
    const said = this.#said;
    if (said === undefined || !saysTheSame(this.#summary(), said.summary) || replica.follows !== said.follows)
      return this.#host.close('this side has changed since its HELLO');
    const mine = said.summary;
    this.#host.met(theirs);
    this.#peer.waitsWhenLost = waitsWhenLost;
    this.hasSameName = mine.generations.current === theirs.generations.current;
    if (this.#peer.metNewerTerm(theirs) || this.#leftRival(mine, theirs)) return;
    if (this.#levels(mine, theirs) || this.#succeeds(mine, theirs)) return;
    if (replica.invalidation?.met(theirs) === true) return this.#host.close('this replica is invalidated');
    const settled = settleSplitBrain(decideHandshake(mine, theirs), mine, theirs);
    const surroundings = { isLocal: replica.arbiterIsLocal, leader: said.follows || follows };
    const decision = awaitingPromotion(settled, mine, theirs, surroundings);
    replica.world.log('debug', 'handshake', { row: decision.row, kind: decision.kind, peer: theirs.node });
    switch (decision.kind) {
      case 'split-brain':
        return this.#peer.parted(decision);
      case 'unrelated':
      case 'refuse':
        return this.#peer.rejected(decision);
      case 'none':
      case 'wait':
      case 'sync':
        return this.#host.updateDuty(
          (state) => afterHandshake(state, mine, theirs, decision),
          () => this.#enter(mine, decision),
        );
      default:
        return unreachable(decision);
    }
  }

  /** Of two replicas of different size the smaller one grows first; the next session finds them equal. */
  #levels(mine: ReplicaSummary, theirs: ReplicaSummary): boolean {
    const smaller = smallerSide(mine, theirs);
    if (smaller === undefined) return false;
    const { replica } = this.#peer;
    if (smaller === 'theirs') this.#channel.bye(`${theirs.node} is smaller, and grows first`);
    else {
      this.#channel.hold();
      replica.size.level(theirs, (problem) => {
        if (problem !== undefined) this.#peer.complain(`it is larger: ${problem.message}`);
        this.#host.close('this side grows first');
      });
    }
    return true;
  }

  /** A secondary that hears of a newer term gives up the primary that it had. The term is durable before that one can come again. */
  #leftRival(mine: ReplicaSummary, theirs: ReplicaSummary): boolean {
    const { node, replica } = this.#peer;
    if (theirs.term.number <= mine.term.number) return false;
    const rival = replica.peers.find(({ session }) => session?.isRival(theirs.term) === true);
    if (rival === undefined) return false;
    const reason = `${node} knows term ${theirs.term.number}`;
    rival.reset(reason);
    this.#host.updateDuty(
      (state) => withNewerTerm(state, theirs),
      () => this.#host.close(reason),
    );
    return true;
  }

  /**
   * A new disk hides nothing from who has met the one before it. It takes a number above that one's before anything is copied to it, perhaps by somebody who has never met that: it
   * would be taken for a disk that was put back. Everybody meets it by that number: who knows a lower one would think later on that it has restarted.
   */
  #succeeds({ justCreated, ...mine }: ReplicaSummary, theirs: ReplicaSummary): boolean {
    const { node, replica } = this.#peer;
    if (!justCreated || !hasForgotten(mine, theirs.witnessedIncarnation)) return false;
    const reason = `${node} has met the disk that this one replaces`;
    for (const peer of replica.peers) if (peer !== this.#peer) peer.reset(reason);
    this.#host.updateDuty(
      (state) => ({ ...state, ...madeWhole(state, theirs.witnessedIncarnation) }),
      () => this.#host.close(reason),
    );
    return true;
  }

  #enter(before: ReplicaSummary, outcome: Outcome): void {
    const now = this.#summary();
    const adopted = outcome.kind === 'none' ? outcome.adopt : undefined;
    const isSame = adopted === undefined ? sameGenerations(before, now) : now.generations.current === adopted;
    if (!isSame || before.sizeBytes !== now.sizeBytes || before.role !== now.role || !this.#peer.mayMeet())
      return this.#host.close('this side has changed during the handshake');
    if (outcome.kind === 'none' && now.dirtyBlocks > 0)
      return this.#host.close('blocks became dirty during the handshake');
    this.#host.entered(outcome);
  }

  #summary(): ReplicaSummary {
    return this.#peer.replica.summaryFor(this.#peer.node, this.#peer.discards);
  }
}
