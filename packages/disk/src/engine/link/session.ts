/**
 * One connection with one peer, from the first HELLO to its end.
 *
 * ```
 * hello ──both HELLOs──▶ deciding ──duties durable──▶ waiting        nothing to do until one side changes
 *                            │                 ├────▶ established    equal; the primary's writes flow
 *                            │                 ├────▶ source         blocks flow out, and so do the primary's writes
 *                            │                 └────▶ target         blocks flow in; then established
 *                            ├──▶ parted         a split brain: each side only tells what it changed
 *                            └──▶ closed (refused, stale) ◀── from every state
 * ```
 *
 * Duties
 * 1. A frame whose duty must be durable holds back all later ones (`Channel.hold`).
 * 2. Writes are taken only from the primary of the highest term this replica knows.
 */
import { EterneError, assert, unreachable } from '@eterne/base';
import type { Stream } from '@eterne/runtime';
import {
  BLOCK_BYTES,
  type DirtyBitmap,
  type MetadataDone,
  type MetadataState,
  type ReplicaSummary,
} from '../../metadata/index.ts';
import { hasPassed } from '../../metadata/relation.ts';
import type { Frame } from '../../protocol/frame-decoder.ts';
import { COPY_MAX_BYTES, type FrameSender } from '../../protocol/frame-sender.ts';
import { decodeAcks } from '../../protocol/messages/acks.ts';
import { decodeBye } from '../../protocol/messages/bye.ts';
import { decodeNumber, encodeNumber } from '../../protocol/messages/number.ts';
import { decodeRead, decodeReadReply } from '../../protocol/messages/read.ts';
import type { ResizeStep } from '../../protocol/messages/resize.ts';
import { decodeState, type StateMessage } from '../../protocol/messages/state.ts';
import { decodeWrite, decodeZero, sendWrite, sendZero } from '../../protocol/messages/write.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { DiskState, ReplicationState, Role, Term } from '../api.ts';
import type { Gauge } from '../gauge.ts';
import type { Fetched } from '../../protocol/messages/fetch.ts';
import type { Range } from '../../protocol/messages/resync.ts';
import type { MirrorLink } from '../primary/mirror.ts';
import type { WriteOp } from '../primary/write-op.ts';
import { Verification, type VerifyLink } from '../verify/verification.ts';
import type { VerifyFigures } from '../verify/verify-figures.ts';
import { WriteWindow } from '../primary/write-window.ts';
import type { Replica } from '../replica.ts';
import { ownChanges } from '../split-brain/own-changes.ts';
import { PartedTalk } from '../split-brain/parted-talk.ts';
import { Applier } from './applier.ts';
import { Channel, type ChannelHandler } from './channel.ts';
import { CopyIn } from './copy-in.ts';
import type { CopyLink } from './copy-link.ts';
import { CopyOut } from './copy-out.ts';
import { Opening, type OpeningHost, type Outcome } from './opening.ts';
import type { Peer } from './peer.ts';
import { Fetches } from './fetches.ts';
import { RemoteReads } from './remote-reads.ts';
import type { ResyncFigures } from './resync-figures.ts';
import { ResyncPacer } from './resync-pacer.ts';
import { ResizeTalk } from '../resize/resize-talk.ts';
import { StateExchange } from './state-exchange.ts';
import type { UnusedBlocks } from '../usage/unused-blocks.ts';
import { ThirdParties } from './third-parties.ts';

type Phase = 'hello' | 'deciding' | 'parted' | 'waiting' | 'established' | 'source' | 'target' | 'closed';

/** Frames that need no finished handshake. */
type Unconnected = (typeof FrameType)['hello' | 'ping' | 'bye' | 'splitAsk' | 'splitReport'];

/** The first version of the protocol in which a target can serve before its copy is over. */
const SERVE_VERSION = 3;
/** Fetched at a time from a peer that knows only READ. */
const OLD_FETCH_BYTES = 256 * 1024;

const NOTHING = Buffer.alloc(0);

/** What a session has once its handshake is over. */
interface Workings {
  readonly applier: Applier;
  readonly exchange: StateExchange;
  readonly fetches: Fetches;
  readonly reads: RemoteReads;
  readonly resize: ResizeTalk;
  readonly verification: Verification;
}

/** What the peer last said of itself. */
interface PeerSelf {
  readonly role: Role;
  readonly term: Term;
  readonly disk: DiskState;
}

export class Session implements MirrorLink, CopyLink, VerifyLink, ChannelHandler, OpeningHost {
  readonly replica: Replica;
  readonly figures: ResyncFigures;
  readonly verifyFigures: VerifyFigures;
  readonly thirds: ThirdParties;
  readonly #peer: Peer;
  readonly #channel: Channel;
  readonly #opening: Opening;
  readonly #sent = new WriteWindow();
  #phase: Phase = 'hello';
  /** The queue to the secondary was full: it gets no more writes in this session. */
  #apart: 'Ahead' | 'Behind' | undefined;
  #peerSelf: PeerSelf = { role: 'secondary', term: { number: 0, grantor: '' }, disk: 'Consistent' };
  #theirs: ReplicaSummary | undefined;
  #workings: Workings | undefined;
  #talk: PartedTalk | undefined;
  #isLender = false;
  #isBorrower = false;
  #copyOut: CopyOut | undefined;
  #copyIn: CopyIn | undefined;

  constructor(peer: Peer, stream: Stream, isDialer: boolean) {
    this.#peer = peer;
    this.replica = peer.replica;
    this.figures = peer.figures;
    this.verifyFigures = peer.verifyFigures;
    const { config, world } = this.replica;
    this.#channel = new Channel(stream, world.timers, this.replica.slabs, this, {
      compresses: config.compress === 'zstd',
      checksData: config.linkChecksums === 'crc32c' || config.checksums === 'crc32c',
    });
    this.#opening = new Opening(this, peer, this.#channel, isDialer);
    this.thirds = new ThirdParties(peer.replica, peer.node);
  }

  start(): void {
    this.#opening.start();
    this.#channel.start();
  }

  get peerNode(): string {
    return this.#peer.node;
  }

  get foreign(): Gauge {
    return this.#peer.foreign;
  }

  get bitmap(): DirtyBitmap {
    return this.#peer.bitmap;
  }

  get sender(): FrameSender {
    return this.#channel.sender;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get peerRole(): Role {
    return this.#peerSelf.role;
  }

  get peerTerm(): Term {
    return this.#peerSelf.term;
  }

  get peerDisk(): DiskState {
    return this.#peerSelf.disk;
  }

  get theirs(): ReplicaSummary {
    assert(this.#theirs !== undefined, 'the peer has introduced itself');
    return this.#theirs;
  }

  get isConnected(): boolean {
    switch (this.#phase) {
      case 'hello':
      case 'deciding':
      case 'parted':
      case 'closed':
        return false;
      default:
        return true;
    }
  }

  /** Its handshake came to a good end, once. */
  get wasConnected(): boolean {
    return this.#workings !== undefined;
  }

  /** Takes writes of a primary on this side. */
  get replicates(): boolean {
    return this.isEqual || (this.#phase === 'source' && this.#copyOut?.replicates === true);
  }

  get isEqual(): boolean {
    return this.#phase === 'established' && this.#apart === undefined;
  }

  /** The peer serves, or is about to, although it lacks blocks that are marked here: this side follows it, and has more. */
  get isLender(): boolean {
    return this.#isLender;
  }

  /** This side serves, served or is about to, and lacked blocks when it began that the peer had. */
  get isBorrower(): boolean {
    return this.#isBorrower;
  }

  /** The peer is being overwritten from here, and knows durably that it is Inconsistent. */
  get isOverwritten(): boolean {
    return this.#phase === 'source' && this.#copyOut?.isCopying === true;
  }

  /** Equal, or waiting with the same generation for either to be promoted: both have every settled write. */
  get isAlike(): boolean {
    return this.isEqual || (this.#phase === 'waiting' && this.#opening.hasSameName);
  }

  /** The peer is primary of the newest term that this replica knows. */
  get isCurrentLeader(): boolean {
    return this.isConnected && this.peerRole === 'primary' && sameTerm(this.peerTerm, this.#knownTerm());
  }

  #knownTerm(): Term {
    return this.replica.metadata.state.term;
  }

  /**
   * In the light of a primary of `term` at another node: must this session end? It takes data from elsewhere; or it is a copy from here: what that one writes
   * is marked here and not sent, and the target, which has just had the block as it was before, would clear the mark.
   */
  isRival(term: Term): boolean {
    if (this.#phase === 'target' || this.#phase === 'source' || this.isRepaired) return true;
    return this.peerRole === 'primary' && this.peerTerm.number <= term.number;
  }

  /** The peer puts its blocks over what is here. They are no newer than its last term. */
  get isRepaired(): boolean {
    return this.#workings?.verification.isReceiving === true;
  }

  get replication(): ReplicationState {
    if (this.#apart !== undefined) return this.#apart;
    if (this.#isLender) return 'SyncSource';
    if (this.#isBorrower && this.replica.disk.isRebuilding) return 'SyncTarget';
    if (this.#phase === 'established') return this.#workings?.verification.replication ?? 'Established';
    if (this.#phase === 'source') return 'SyncSource';
    return this.#phase === 'target' ? 'SyncTarget' : 'Off';
  }

  /** Data of writes that the peer has not answered. */
  get lagBytes(): number {
    return this.#sent.bytes;
  }

  /** For how long the oldest of them is on its way; asynchronous only. */
  get lagMs(): number {
    const { oldestMs } = this.#sent;
    const { clock } = this.replica.world;
    return oldestMs === undefined || oldestMs === 0 ? 0 : Math.round(clock.bootMs() - oldestMs);
  }

  get lagWrites(): number {
    return this.#sent.count;
  }

  /** Compares the copies, or repairs what is marked. */
  get verification(): Verification | undefined {
    return this.#workings?.verification;
  }

  /** How large the peer's volume is. */
  get peerSizeBytes(): number {
    return this.#workings?.resize.peerSizeBytes ?? this.theirs.sizeBytes;
  }

  /** Of an established session. */
  askResize(step: ResizeStep, done: (problem: string | undefined) => void): void {
    if (this.#workings === undefined) done(`${this.peerNode} is not connected`);
    else this.#workings.resize.ask(step, done);
  }

  tellSize(sizeBytes: number): void {
    this.#workings?.resize.tell(sizeBytes);
  }

  /** Tells the peer what this side is now; `acknowledged` once the peer has made it durable. */
  announce(state: Omit<StateMessage, 'id'>, acknowledged: () => void): void {
    this.#workings?.exchange.announce(state, acknowledged);
  }

  /** STATE: the peer's new self, which the exchange has made durable. */
  peerBecame({ role, term, diskState }: StateMessage): void {
    const wasLeader = this.peerRole === 'primary' && role === 'secondary';
    this.#peerSelf = { role, term, disk: this.#phase === 'source' ? this.#peerSelf.disk : diskState };
    if (wasLeader) this.replica.leaderLost(this.#peer);
    if (this.#isLender && role === 'primary' && diskState === 'UpToDate') this.#borrowerIsWhole();
    this.replica.changed();
  }

  /**
   * In the set by its own word it has flushed every block that was marked when it began to serve, and nothing was marked here since: what is written
   * goes to both, or is among those blocks.
   */
  #borrowerIsWhole(): void {
    if (!this.replica.metadata.state.set.members.includes(this.peerNode)) return;
    this.#isLender = false;
    this.#workings?.fetches.lend(undefined);
    this.bitmap.clear(0, this.replica.sizeBytes);
    this.bitmap.persist(() => {});
  }

  /** Has this side, a target, become ready to serve before its copy is over: `done` says that, or why not. */
  takeOver(done: MetadataDone): void {
    if (this.#copyIn === undefined)
      return done(new EterneError('unreachable', `the copy from ${this.peerNode} was cut short`));
    if (this.#opening.version >= SERVE_VERSION) return this.#copyIn.takeOver(done);
    const hint = 'wait for the end of the copy, or upgrade it';
    done(
      new EterneError('needs-upgrade', `the Eterne of ${this.peerNode} is too old to serve from`, { hint }),
    );
  }

  borrow(): void {
    this.#isBorrower = true;
  }

  lend(unused: UnusedBlocks | undefined): void {
    this.#isLender = true;
    this.#workings?.fetches.lend(unused);
  }

  /** Both sides were written apart and nobody has settled it yet. */
  part(): void {
    this.#phase = 'parted';
    this.#talk = new PartedTalk(this.sender, this.replica.world.timers, (done) =>
      ownChanges(this.replica, this.bitmap, done),
    );
  }

  /** Of a split brain; undefined when there is none in this session. */
  get talk(): PartedTalk | undefined {
    return this.#talk;
  }

  close(reason: string): void {
    this.#channel.close(reason);
  }

  /** Says why, and closes. */
  bye(reason: string): void {
    this.#channel.bye(reason);
  }

  // MirrorLink: what the primary sends.

  sendWrite(op: WriteOp, copyData: boolean): void {
    const number = this.#sent.add(op);
    const { data, lengthBytes, mayPunch, offset } = op;
    if (data === undefined) return sendZero(this.sender, number, offset, lengthBytes, mayPunch);
    // Small data is copied by the sender anyway.
    const isLasting = !copyData || data.length <= COPY_MAX_BYTES;
    sendWrite(this.sender, number, offset, isLasting ? data : Buffer.from(data));
  }

  sendBarrier(): void {
    this.sender.send(FrameType.barrier, NOTHING);
  }

  goAhead(): void {
    this.#apart = 'Ahead';
    this.#workings?.verification.cutShort(`${this.peerNode} lags behind`);
    this.#workings?.reads.refuse();
    this.sender.send(FrameType.ahead, NOTHING);
    this.#peer.replica.changed();
    this.#comeAgain();
  }

  sendFlush(round: number): void {
    this.sender.send(FrameType.flush, encodeNumber(round));
  }

  sendFlushAgain(round: number): void {
    this.sender.send(FrameType.flushAgain, encodeNumber(round));
  }

  sendSettled(round: number): void {
    this.sender.send(FrameType.settled, encodeNumber(round));
  }

  sendStarved(): void {
    this.sender.send(FrameType.starved, NOTHING);
  }

  willCopy(offset: number, lengthBytes: number): boolean {
    return this.#copyOut?.willCopy(offset, lengthBytes) ?? false;
  }

  read(offset: number, lengthBytes: number, done: (data: Buffer | undefined) => void): void {
    if (this.#workings === undefined) done(undefined);
    else this.#workings.reads.ask(offset, lengthBytes, done);
  }

  fetch(range: Range, done: (fetched: Fetched | undefined) => void): void {
    if (this.#opening.version >= SERVE_VERSION) return this.#workings?.fetches.ask(range, done);
    const lengthBytes = Math.min(range.lengthBytes, OLD_FETCH_BYTES);
    this.read(range.offset, lengthBytes, (data) => done(data && { kind: 'data', lengthBytes, data }));
  }

  flushSendBuffer(): void {
    this.sender.flush();
  }

  // OpeningHost and CopyLink: handshake and copy.

  get awaitsHello(): boolean {
    return this.#phase === 'hello';
  }

  met(theirs: ReplicaSummary): void {
    const { role, term, diskState } = theirs;
    this.#theirs = theirs;
    this.#peerSelf = { role, term, disk: diskState };
    this.#phase = 'deciding';
  }

  entered(outcome: Outcome): void {
    const { disk, locks, slabs, world } = this.replica;
    const { sender } = this;
    this.#workings = {
      applier: new Applier({
        disk,
        foreign: this.foreign,
        thirds: this.thirds,
        locks,
        slabs,
        timers: world.timers,
        sender,
        isAsync: this.replica.config.mode === 'async',
      }),
      exchange: new StateExchange(this, this.#peer),
      fetches: new Fetches(this.replica, sender, this.figures),
      reads: new RemoteReads(this.replica, sender),
      resize: new ResizeTalk({
        sender,
        growth: this.replica.size.growth,
        version: this.#opening.version,
        peerNode: this.peerNode,
        peerSizeBytes: this.theirs.sizeBytes,
        duty: (work, then) => this.duty(work, then),
        grown: () => this.replica.size.grown(),
        told: () => {
          if (this.peerRole === 'primary') this.replica.size.shownBy(this.peerSizeBytes);
          this.replica.changed();
        },
      }),
      verification: new Verification(this),
    };
    switch (outcome.kind) {
      case 'wait':
        this.#phase = 'waiting';
        return this.#peer.connected(outcome.reason);
      case 'none':
        this.#phase = 'established';
        this.#peer.connected(outcome.reason);
        this.#peer.replicating();
        return this.#peer.equal();
      case 'sync':
        return this.#beginCopy(outcome);
      default:
        return unreachable(outcome);
    }
  }

  #beginCopy(outcome: Extract<Outcome, { kind: 'sync' }>): void {
    const { extent, reason, source } = outcome;
    this.figures.decided(extent, reason);
    if (source === this.replica.config.node) {
      this.#phase = 'source';
      this.#peerSelf = { ...this.#peerSelf, disk: 'Inconsistent' };
      this.#copyOut = new CopyOut(this, extent);
    } else {
      this.#phase = 'target';
      this.#copyIn = new CopyIn(this, reason, this.#overwritesChanges(outcome));
    }
    this.#peer.connected(reason);
    this.#copyIn?.start();
  }

  /**
   * Of this side, and such as somebody may have been promised: what it has goes by a name that the source never had. A split brain that was decided at
   * an earlier meeting shows in that alone, where its copy did not begin or was undone: this side has left its own term by then.
   */
  #overwritesChanges({ discards, row }: Extract<Outcome, { kind: 'sync' }>): boolean {
    const { config, metadata } = this.replica;
    const { current } = metadata.state.generations;
    const their = this.theirs.generations;
    const isKnown = current === their.current || hasPassed(their, current);
    const isAhead = (config.mode === 'async' || !isKnown) && this.bitmap.dirtyBlocks > 0;
    return discards === true || row === '10' || isAhead;
  }

  pacer(): ResyncPacer {
    const { clock, timers } = this.replica.world;
    return new ResyncPacer({
      clock,
      timers,
      ...this.replica.config.resyncRate,
      requestCount: () => this.replica.primary?.requestCount ?? 0,
      backlogBytes: () => this.sender.bufferedBytes,
    });
  }

  markBlocks(firstBlock: number, count: number): void {
    const offset = firstBlock * BLOCK_BYTES;
    const end = Math.min(offset + count * BLOCK_BYTES, this.replica.sizeBytes);
    this.bitmap.markDirty(offset, end - offset);
  }

  duty(work: (done: MetadataDone) => void, then: () => void): void {
    this.#channel.hold();
    this.replica.duties.enter();
    work((error) => {
      if (this.#phase !== 'closed') this.#dutyDone(error, then);
      this.replica.duties.leave();
    });
  }

  #dutyDone(error: EterneError | undefined, then: () => void): void {
    if (error !== undefined) return this.close(error.message);
    then();
    this.#channel.release();
  }

  updateIfOpen(change: (state: MetadataState) => MetadataState, done: MetadataDone): void {
    if (this.#phase === 'closed') done(new EterneError('unreachable', 'the session is gone'));
    else this.replica.metadata.update(change, done);
  }

  updateDuty(change: (state: MetadataState) => MetadataState, then: () => void): void {
    this.duty((done) => this.replica.metadata.update(change, done), then);
  }

  whenApplied(then: () => void): void {
    this.#workings?.applier.whenDurable(then);
  }

  naming(): void {
    this.#peer.naming();
  }

  replicating(): void {
    this.#peer.replicating();
  }

  copied(): void {
    this.#copyOut?.close();
    this.#copyOut = undefined;
    this.#copyIn = undefined;
    if (this.#phase === 'source' && !this.#isLender)
      this.#peerSelf = { ...this.#peerSelf, disk: 'Consistent' };
    this.#phase = 'established';
    this.#peer.equal();
  }

  // ChannelHandler: what the peer sends.

  onFrame(frame: Frame): void {
    try {
      this.#dispatch(frame);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      this.close(error.message);
    }
  }

  onClosed(reason: string): void {
    const wasReplicating = this.replicates;
    this.#phase = 'closed';
    this.#talk?.close();
    this.#copyOut?.close();
    this.#copyIn?.close();
    this.#workings?.applier.close();
    this.#workings?.exchange.close();
    this.#workings?.fetches.close();
    this.#workings?.reads.close();
    this.#workings?.resize.close();
    this.#workings?.verification.close();
    this.#peer.sessionClosed(this, reason, wasReplicating);
  }

  #dispatch(frame: Frame): void {
    const { body, type } = frame;
    switch (type) {
      case FrameType.hello:
        return this.#opening.hello(body);
      case FrameType.ping:
        return;
      case FrameType.bye:
        return this.close(`the peer said: ${decodeBye(body)}`);
      case FrameType.splitAsk:
        return this.#split().asked();
      case FrameType.splitReport:
        return this.#split().reported(body);
      default:
        if (!this.isConnected || this.#workings === undefined)
          throw new EterneError('protocol', `frame type ${type} before the handshake`);
        this.#dispatchConnected(this.#workings, type, frame);
    }
  }

  #dispatchConnected(
    { exchange, fetches, reads, resize, verification }: Workings,
    type: Exclude<Frame['type'], Unconnected>,
    { body, isOwned }: Frame,
  ): void {
    const { sizeBytes } = this.replica;
    switch (type) {
      case FrameType.write:
        return this.#applierForWrites().write(decodeWrite(body, sizeBytes), isOwned);
      case FrameType.zero:
        return this.#applierForWrites().write(decodeZero(body, sizeBytes), false);
      case FrameType.flush:
        return this.#applierForWrites().flush(decodeNumber(body), true);
      case FrameType.barrier:
        return this.#applierForWrites().barrier();
      case FrameType.ahead:
        return this.#fellBehind();
      case FrameType.flushAgain:
        return this.#applierForWrites().flush(decodeNumber(body), false);
      case FrameType.settled:
        return this.#settled(decodeNumber(body));
      case FrameType.starved:
        return this.replica.primary?.peerStarved();
      case FrameType.unsettled:
        return this.#target().unsettled(body);
      case FrameType.covered:
        return this.#source().covered();
      case FrameType.thirdBitmap:
        return this.#target().thirdBitmap(body);
      case FrameType.acks:
        return decodeAcks(body, (first, count) => this.#acknowledged(first, count));
      case FrameType.flushed:
        return this.replica.primary?.flushConfirmed(this.#peer.bit, decodeNumber(body));
      case FrameType.read:
        return reads.serve(decodeRead(body, sizeBytes));
      case FrameType.readReply:
        return reads.replied(decodeReadReply(body));
      case FrameType.fetch:
        return fetches.serve(body);
      case FrameType.fetched:
        return fetches.answered(body);
      case FrameType.serveAsk:
        return this.#source().serveAsked();
      case FrameType.resize:
        this.#applierForWrites();
        return resize.asked(body);
      case FrameType.resized:
        return resize.answered(body);
      case FrameType.state:
        return exchange.received(decodeState(body));
      case FrameType.stateAck:
        return exchange.acknowledged(decodeNumber(body));
      case FrameType.verifyAsk:
      case FrameType.verifyBegin:
      case FrameType.verifyData:
      case FrameType.verifyResult:
      case FrameType.verifyEnd:
      case FrameType.repairData:
      case FrameType.repaired:
        return verification.frame(type, body);
      case FrameType.bitmap:
        return this.#copyOut === undefined ? this.#target().bitmap(body) : this.#copyOut.bitmap(body);
      case FrameType.resyncBegin:
        return this.#target().begin(body);
      case FrameType.resyncData:
        return this.#target().data(body);
      case FrameType.resyncNames:
        return this.#target().names(body);
      case FrameType.resyncReady:
        return this.#source().ready();
      case FrameType.resyncRequest:
        return this.#source().request(body);
      case FrameType.resyncClear:
        return this.#source().clear(body);
      case FrameType.resyncDone:
        return this.#source().targetDone();
      case FrameType.resyncFinished:
        return this.#source().finished();
      default:
        return unreachable(type);
    }
  }

  #split(): PartedTalk {
    if (this.#talk === undefined) throw new EterneError('protocol', 'a frame of a split brain without one');
    return this.#talk;
  }

  #source(): CopyOut {
    if (this.#copyOut === undefined)
      throw new EterneError('protocol', 'a copy frame to a side that is no source');
    return this.#copyOut;
  }

  #target(): CopyIn {
    if (this.#copyIn === undefined)
      throw new EterneError('protocol', 'a copy frame to a side that is no target');
    return this.#copyIn;
  }

  #acknowledged(first: number, count: number): void {
    for (let number = first; number < first + count; number += 1) {
      const op = this.#sent.take(number);
      if (op === undefined)
        throw new EterneError('protocol', 'a write is acknowledged that was not in flight');
      this.replica.primary?.confirmed(op, this.#peer.bit);
    }
    this.#comeAgain();
  }

  #fellBehind(): void {
    this.#applierForWrites();
    this.#apart = 'Behind';
    this.replica.changed();
  }

  /** Ahead, and all that the peer was sent is answered: the next handshake has the rest copied. */
  #comeAgain(): void {
    if (this.#apart === 'Ahead' && this.#sent.count === 0)
      this.bye('it has taken what it was sent: copy the rest');
  }

  #settled(round: number): void {
    this.#applierForWrites();
    this.replica.settled(round);
  }

  /** Duty 2. */
  #applierForWrites(): Applier {
    if (!this.isCurrentLeader || this.replica.primary !== undefined || this.#workings === undefined)
      throw new EterneError('protocol', 'a write of a node that is not primary of the newest term');
    return this.#workings.applier;
  }
}

function sameTerm(a: Term, b: Term): boolean {
  return a.number === b.number && a.grantor === b.grantor;
}
