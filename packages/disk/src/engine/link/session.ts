/**
 * One connection with one peer, from the first HELLO to its end.
 *
 * ```
 * hello ──both HELLOs──▶ deciding ──duties durable──▶ waiting        nothing to do until one side changes
 *                            │                 ├────▶ established    equal; the primary's writes flow
 *                            │                 ├────▶ source         blocks flow out, and so do the primary's writes
 *                            │                 └────▶ target         blocks flow in; then established
 *                            └──▶ closed (split brain, refused, stale) ◀── from every state
 * ```
 *
 * Duties
 * 1. HELLO is sent only when nothing of an earlier session or term is still on its way to the disk.
 * 2. The other side's incarnation, higher term and newer set are durable before anything else happens.
 * 3. A frame whose duty must be durable holds back all later ones (`Channel.hold`).
 * 4. Writes are taken only from the primary of the highest term this replica knows.
 */
import { EterneError, unreachable } from '@eterne/base';
import type { Stream } from '@eterne/runtime';
import {
  BLOCK_BYTES,
  bitmapFor,
  decideHandshake,
  type DirtyBitmap,
  type HandshakeDecision,
  type MetadataDone,
  type MetadataState,
  type ReplicaSummary,
} from '../../metadata/index.ts';
import type { Frame } from '../../protocol/frame-decoder.ts';
import { COPY_MAX_BYTES, type FrameSender } from '../../protocol/frame-sender.ts';
import { decodeAcks } from '../../protocol/messages/acks.ts';
import { decodeBye } from '../../protocol/messages/bye.ts';
import { decodeHello, encodeHello } from '../../protocol/messages/hello.ts';
import { decodeNumber, encodeNumber } from '../../protocol/messages/number.ts';
import {
  decodeRead,
  decodeReadReply,
  sendRead,
  sendReadReply,
  type ReadMessage,
  type ReadReply,
} from '../../protocol/messages/read.ts';
import { decodeState, type StateMessage } from '../../protocol/messages/state.ts';
import { decodeWrite, decodeZero, sendWrite, sendZero } from '../../protocol/messages/write.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { DiskState, ReplicationState, Role, Term } from '../api.ts';
import type { MirrorLink } from '../primary/mirror.ts';
import type { WriteOp } from '../primary/write-op.ts';
import { WriteWindow } from '../primary/write-window.ts';
import type { Replica } from '../replica.ts';
import { afterHandshake } from './after-handshake.ts';
import { Applier } from './applier.ts';
import { awaitingPromotion } from './await-promotion.ts';
import { Channel } from './channel.ts';
import { CopyIn } from './copy-in.ts';
import type { CopyLink } from './copy-link.ts';
import { CopyOut } from './copy-out.ts';
import type { Peer } from './peer.ts';
import type { ResyncFigures } from './resync-figures.ts';
import { ResyncPacer } from './resync-pacer.ts';
import { StateExchange } from './state-exchange.ts';

type Phase = 'hello' | 'deciding' | 'waiting' | 'established' | 'source' | 'target' | 'closed';

/** Reads that a peer owes at most; the read path waits behind it. */
const MAX_READS = 4096;

export class Session implements MirrorLink, CopyLink {
  readonly replica: Replica;
  readonly figures: ResyncFigures;
  readonly #peer: Peer;
  readonly #channel: Channel;
  readonly #isDialer: boolean;
  readonly #sent = new WriteWindow();
  readonly #reads = new Map<number, (data: Buffer | undefined) => void>();
  #nextRead = 0;
  #phase: Phase = 'hello';
  #helloSent: ReplicaSummary | undefined;
  #applier: Applier | undefined;
  #copyOut: CopyOut | undefined;
  #copyIn: CopyIn | undefined;
  #exchange: StateExchange | undefined;
  /** What the peer last said of itself. */
  #peerRole: Role = 'secondary';
  #peerTerm: Term = { number: 0, grantor: '' };
  #peerDisk: DiskState = 'Consistent';

  constructor(peer: Peer, stream: Stream, isDialer: boolean) {
    this.#peer = peer;
    this.replica = peer.replica;
    this.figures = peer.figures;
    this.#isDialer = isDialer;
    this.#channel = new Channel(stream, this.replica.world.timers, this);
  }

  /** The dialer waits for the acceptor's HELLO. */
  start(): void {
    const { world } = this.replica;
    if (!this.#isDialer) {
      this.#channel.open(1 + world.random.below(0xffff_fffe));
      this.replica.whenQuiet(() => this.#sendHello());
    }
    this.#channel.start();
  }

  get peerNode(): string {
    return this.#peer.node;
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
    return this.#peerRole;
  }

  get peerTerm(): Term {
    return this.#peerTerm;
  }

  get peerDisk(): DiskState {
    return this.#peerDisk;
  }

  get isConnected(): boolean {
    return this.#phase !== 'hello' && this.#phase !== 'deciding' && this.#phase !== 'closed';
  }

  /** Takes writes of a primary on this side. */
  get replicates(): boolean {
    return this.#phase === 'established' || (this.#copyOut?.replicates ?? false);
  }

  get isEqual(): boolean {
    return this.#phase === 'established';
  }

  get replication(): ReplicationState {
    if (this.#phase === 'established') return 'Established';
    if (this.#phase === 'source') return 'SyncSource';
    return this.#phase === 'target' ? 'SyncTarget' : 'Off';
  }

  get lagBytes(): number {
    return this.isConnected ? this.#channel.sender.bufferedBytes : 0;
  }

  // MirrorLink: what the primary sends.

  sendWrite(op: WriteOp, copyData: boolean): void {
    const number = this.#sent.add(op);
    if (op.data === undefined) sendZero(this.sender, number, op.offset, op.lengthBytes, op.mayPunch);
    else sendWrite(this.sender, number, op.offset, copyData ? this.#lasting(op.data) : op.data);
  }

  sendFlush(round: number): void {
    this.sender.send(FrameType.flush, encodeNumber(round));
  }

  willCopy(offset: number, lengthBytes: number): boolean {
    return this.#copyOut?.willCopy(offset, lengthBytes) ?? false;
  }

  read(offset: number, lengthBytes: number, done: (data: Buffer | undefined) => void): void {
    if (this.#reads.size >= MAX_READS) return done(undefined);
    const id = this.#nextRead++;
    this.#reads.set(id, done);
    sendRead(this.sender, { id, offset, lengthBytes });
  }

  flushSendBuffer(): void {
    this.sender.flush();
  }

  /** Tells the peer what this side is now; `acknowledged` once the peer has made it durable. */
  announce(state: Omit<StateMessage, 'id'>, acknowledged: () => void = () => {}): void {
    this.#exchange?.announce(state, acknowledged);
  }

  // CopyLink.

  pacer(): ResyncPacer {
    const { clock, timers } = this.replica.world;
    return new ResyncPacer({
      clock,
      timers,
      ...this.replica.config.resyncRate,
      isBusy: () => this.replica.primary?.isBusy ?? false,
    });
  }

  markBlocks(firstBlock: number, count: number): void {
    const offset = firstBlock * BLOCK_BYTES;
    const end = Math.min(offset + count * BLOCK_BYTES, this.replica.config.sizeBytes);
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

  replicating(): void {
    this.#peer.replicating();
  }

  copied(): void {
    this.#copyOut?.close();
    this.#copyOut = undefined;
    this.#copyIn = undefined;
    if (this.#phase === 'source') this.#peerDisk = 'Consistent';
    this.#phase = 'established';
    this.#peer.equal();
  }

  close(reason: string): void {
    this.#channel.close(reason);
  }

  /** Says why, and closes. */
  bye(reason: string): void {
    this.#channel.bye(reason);
  }

  // ChannelHandler.

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
    this.#applier?.close();
    this.#copyOut?.close();
    this.#copyIn?.close();
    this.#exchange?.close();
    this.#reads.clear();
    this.#peer.sessionClosed(this, reason, wasReplicating);
  }

  #dispatch({ type, body }: Frame): void {
    switch (type) {
      case FrameType.hello:
        return this.#hello(body);
      case FrameType.ping:
        return;
      case FrameType.bye:
        return this.close(`the peer said: ${decodeBye(body)}`);
      default:
        if (!this.isConnected) throw new EterneError('protocol', `frame type ${type} before the handshake`);
        this.#dispatchConnected(type, body);
    }
  }

  #dispatchConnected(type: Frame['type'], body: Buffer): void {
    const { sizeBytes } = this.replica.config;
    switch (type) {
      case FrameType.write:
        return this.#applierForWrites().write(decodeWrite(body, sizeBytes));
      case FrameType.zero:
        return this.#applierForWrites().write(decodeZero(body, sizeBytes));
      case FrameType.flush:
        return this.#applierForWrites().flush(decodeNumber(body));
      case FrameType.acks:
        return decodeAcks(body, (first, count) => this.#acknowledged(first, count));
      case FrameType.flushed:
        return this.replica.primary?.flushConfirmed(this.#peer.bit, decodeNumber(body));
      case FrameType.read:
        return this.#serveRead(decodeRead(body, sizeBytes));
      case FrameType.readReply:
        return this.#readReplied(decodeReadReply(body));
      case FrameType.state:
        return this.#exchange?.received(decodeState(body));
      case FrameType.stateAck:
        return this.#exchange?.acknowledged(decodeNumber(body));
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
      case FrameType.hello:
      case FrameType.ping:
      case FrameType.bye:
        throw new EterneError('protocol', `frame type ${type} out of turn`);
      default:
        return unreachable(type);
    }
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

  // Handshake.

  #sendHello(): void {
    if (this.#phase !== 'hello') return;
    if (!this.#peer.mayMeet()) return this.close('this side cannot shake hands now');
    const { config } = this.replica;
    const summary = this.replica.summaryFor(this.peerNode);
    this.#helloSent = summary;
    const hello = { volume: config.name, toNode: this.peerNode, summary };
    this.sender.send(FrameType.hello, encodeHello(hello));
  }

  #hello(body: Buffer): void {
    const hello = decodeHello(body);
    const { config } = this.replica;
    const isForUs = hello.volume === config.name && hello.toNode === config.node;
    if (this.#phase !== 'hello' || !isForUs || hello.summary.node !== this.peerNode)
      throw new EterneError('protocol', 'an unexpected HELLO');
    if (!this.#isDialer) {
      this.#peer.takeOver(this);
      return this.#decide(hello.summary);
    }
    this.#channel.hold();
    this.#channel.open(this.#channel.session ?? 0);
    this.replica.whenQuiet(() => {
      if (this.#phase !== 'hello') return;
      this.#sendHello();
      if (this.#channel.closed) return;
      this.#decide(hello.summary);
      this.#channel.release();
    });
  }

  #decide(theirs: ReplicaSummary): void {
    const mine = this.replica.summaryFor(this.peerNode);
    if (this.#helloSent === undefined || !saysTheSame(mine, this.#helloSent))
      return this.close('this side has changed since its HELLO');
    this.#peerRole = theirs.role;
    this.#peerTerm = theirs.term;
    this.#peerDisk = theirs.diskState;
    this.#phase = 'deciding';
    if (this.#peer.metNewerTerm(theirs)) return;
    const { arbiterIsLocal } = this.replica;
    const decision = awaitingPromotion(decideHandshake(mine, theirs), mine, theirs, arbiterIsLocal);
    switch (decision.kind) {
      case 'split-brain':
      case 'unrelated':
      case 'refuse':
        return this.#peer.rejected(decision);
      case 'none':
      case 'wait':
      case 'sync':
        return this.updateDuty(
          (state) => afterHandshake(state, mine, theirs, decision),
          () => this.#enter(mine, decision),
        );
      default:
        return unreachable(decision);
    }
  }

  #enter(
    before: ReplicaSummary,
    decision: Extract<HandshakeDecision, { kind: 'none' | 'wait' | 'sync' }>,
  ): void {
    const adopted = decision.kind === 'none' && decision.adopt !== undefined;
    const now = this.replica.summaryFor(this.peerNode);
    const same = adopted || sameGenerations(before, now);
    if (!same || before.role !== now.role || !this.#peer.mayMeet())
      return this.close('this side has changed during the handshake');
    if (decision.kind === 'none' && now.dirtyBlocks > 0)
      return this.close('blocks became dirty during the handshake');
    this.#exchange = new StateExchange(this);
    this.#applier = new Applier({
      disk: this.replica.disk,
      locks: this.replica.locks,
      slabs: this.replica.slabs,
      timers: this.replica.world.timers,
      sender: this.sender,
    });
    this.#begin(decision);
  }

  /** Its handshake came to a good end, once. */
  get wasConnected(): boolean {
    return this.#exchange !== undefined;
  }

  #begin(decision: Extract<HandshakeDecision, { kind: 'none' | 'wait' | 'sync' }>): void {
    switch (decision.kind) {
      case 'wait':
        this.#phase = 'waiting';
        return this.#peer.connected(decision.reason);
      case 'none':
        this.#phase = 'established';
        this.#peer.connected(decision.reason);
        this.#peer.replicating();
        return this.#peer.equal();
      case 'sync':
        this.figures.decided(decision.extent, decision.reason);
        return this.#beginCopy(decision.source === this.replica.config.node, decision);
      default:
        return unreachable(decision);
    }
  }

  #beginCopy(isSource: boolean, decision: Extract<HandshakeDecision, { kind: 'sync' }>): void {
    this.#phase = isSource ? 'source' : 'target';
    if (isSource) {
      this.#peerDisk = 'Inconsistent';
      this.#copyOut = new CopyOut(this, decision.extent);
    } else {
      this.#copyIn = new CopyIn(this);
    }
    this.#peer.connected(decision.reason);
    this.#copyIn?.start();
  }

  // What the peer sends to a primary here, or asks of a secondary.

  #acknowledged(first: number, count: number): void {
    for (let number = first; number < first + count; number += 1) {
      const op = this.#sent.take(number);
      if (op === undefined)
        throw new EterneError('protocol', 'a write is acknowledged that was not in flight');
      this.replica.primary?.confirmed(op, this.#peer.bit);
    }
  }

  /** Duty 4. */
  #applierForWrites(): Applier {
    const known = this.replica.metadata.state.term;
    const isCurrent = this.#peerTerm.number === known.number && this.#peerTerm.grantor === known.grantor;
    if (this.#peerRole !== 'primary' || !isCurrent || this.replica.primary !== undefined)
      throw new EterneError('protocol', 'a write of a node that is not primary of the newest term');
    if (this.#applier === undefined) throw new EterneError('protocol', 'a write before the handshake');
    return this.#applier;
  }

  #serveRead(read: ReadMessage): void {
    const fetch = (): void => {
      const data = Buffer.allocUnsafeSlow(read.lengthBytes);
      this.replica.disk.read(read.offset, data, (error) => {
        if (this.#phase === 'closed') return;
        sendReadReply(this.sender, { id: read.id, data: error === undefined ? data : undefined });
      });
    };
    if (this.replica.locks.whenClear(read.offset, read.lengthBytes, fetch)) fetch();
  }

  #readReplied(reply: ReadReply): void {
    const done = this.#reads.get(reply.id);
    if (done === undefined) throw new EterneError('protocol', 'an answer to a read that was not asked');
    this.#reads.delete(reply.id);
    done(reply.data && this.replica.slabs.copyOf(reply.data));
  }

  /** STATE: the peer's new self, which the exchange has made durable. */
  peerBecame(state: StateMessage): void {
    this.#peerRole = state.role;
    this.#peerTerm = state.term;
    if (this.#phase !== 'source') this.#peerDisk = state.diskState;
    this.replica.changed();
  }

  /** Small data is copied by the sender anyway. */
  #lasting(data: Buffer): Buffer {
    return data.length > COPY_MAX_BYTES ? Buffer.from(data) : data;
  }
}

function saysTheSame(a: ReplicaSummary, b: ReplicaSummary): boolean {
  return (
    sameGenerations(a, b) &&
    a.role === b.role &&
    a.diskState === b.diskState &&
    a.term.number === b.term.number &&
    a.set.version === b.set.version &&
    a.crashedPrimary === b.crashedPrimary &&
    a.dirtyBlocks > 0 === b.dirtyBlocks > 0
  );
}

function sameGenerations(a: ReplicaSummary, b: ReplicaSummary): boolean {
  const mine = a.generations;
  const other = b.generations;
  const peers = new Set([...Object.keys(mine.bitmaps), ...Object.keys(other.bitmaps)]);
  return (
    mine.current === other.current &&
    [...peers].every((peer) => bitmapFor(mine, peer) === bitmapFor(other, peer))
  );
}
