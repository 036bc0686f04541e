/**
 * The primary of one term: it admits, replicates and answers application I/O until the term ends, by `demote` or by force. A new
 * promotion is a new object.
 *
 * ```
 * serving ──demote──▶ draining ──▶ ended
 *    │ refused, lease expired, newer term, nothing left to write to
 *    └────────────────────────────▶ ended (abrupt: what is unsettled is dirty for everybody)
 * ```
 */
import { assert, EterneError } from '@eterne/base';
import type { BlockDevice, BlockStore, DeviceDone, Extent, World } from '@eterne/runtime';
import {
  NIL_UUID,
  bitmapFor,
  divided,
  peerCaughtUp,
  type MetadataState,
  type Uuid,
  type VolumeMetadata,
} from '../../metadata/index.ts';
import type { Arbiter, InSyncSet, Term, VolumeConfig } from '../api.ts';
import type { BufferSlabs } from '../buffer-slabs.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { RangeLocks } from '../range-locks.ts';
import { ResyncPacer } from '../link/resync-pacer.ts';
import { Differing } from './differing.ts';
import { FlushRounds, type FlushRoundsOwner } from './flush-rounds.ts';
import { PrimaryDevice, type FrontTarget } from './front.ts';
import { Lease } from './lease.ts';
import { LocalFlushes } from './local-flushes.ts';
import { Membership, type MembershipOwner } from './membership.ts';
import type { Mirror, MirrorLink } from './mirror.ts';
import { Rebuild } from './rebuild.ts';
import { ReadPath, type ReadDone, type ReadPathOwner } from './read-path.ts';
import { LOCAL_BIT, WriteOp } from './write-op.ts';
import { WritePath, type WritePathOwner, type WriteWindowSize } from './write-path.ts';

const SYNC_WINDOW: WriteWindowSize = { writes: 4096, bytes: 64 * 1024 * 1024 };
/** Fewer than a secondary takes before it drops the connection. */
const ASYNC_WRITES = 12_000;

export interface PrimaryParts {
  readonly world: World;
  readonly config: VolumeConfig;
  readonly metadata: VolumeMetadata;
  readonly disk: LocalDisk;
  readonly locks: RangeLocks;
  readonly slabs: BufferSlabs;
  readonly mirrors: readonly Mirror[];
  readonly arbiter: Arbiter;
  readonly term: Term;
  readonly firstEpoch: number;
  /** The term was granted by a cluster: nothing is served before its first lease. */
  readonly needsLease: boolean;
}

/** What the volume that owns a primary does for it. */
export interface PrimaryOwner {
  statusChanged(): void;
  /** Set or generation have changed durably: tell the connected peers. */
  announce(): void;
  /** Peers in step differ in blocks that are dirty for them: copy those blocks again soon. */
  diverged(): void;
  /** One more peer is about to be called equal: those that differ are to be copied to now. */
  level(): void;
  /** The local disk is whole again: whoever found no source here may ask again. */
  localBack(): void;
  /** The term has ended abruptly; `unsettled`: some replica may have writes that others lack. */
  ended(reason: string, unsettled: boolean): void;
}

export class Primary
  implements WritePathOwner, FlushRoundsOwner, ReadPathOwner, FrontTarget, MembershipOwner
{
  readonly term: Term;
  readonly firstEpoch: number;
  readonly mirrors: readonly Mirror[];
  readonly device: BlockDevice;
  readonly #parts: PrimaryParts;
  readonly #owner: PrimaryOwner;
  readonly #flushes: FlushRounds;
  readonly #localFlushes: LocalFlushes;
  readonly #writes: WritePath;
  readonly #reads: ReadPath;
  readonly #membership: Membership;
  readonly #lease: Lease;
  readonly #isAsync: boolean;
  #ended = false;
  #draining = false;
  /** Cached, because every write asks: no loss undecided, nothing held. */
  #isOpen = false;
  /** Some peer is away whose copy has the name of ours: the next write needs a new name first. */
  #mustMint = false;
  #minting = false;
  /** Peers that have not said yet that they took the present generation's name, and that name. */
  readonly #unnamed = new Map<string, Uuid>();
  /**
   * The term began without some peer, or with one that was not equal: whatever that is called, and whatever it becomes when it goes back to what it was, it
   * is not what is written from now on. An earlier term knew at best who had taken the present name.
   */
  #needsName = false;
  /** Peers whose copy may have the present generation's name although bits are kept for them: they took it, perhaps, and nobody heard. */
  readonly #mayShareName = new Set<string>();
  #rebuild: Rebuild | undefined;
  #differing: Differing | undefined;
  #hasComplained = false;
  #turnScheduled = false;
  /** Asynchronous: a flush was answered, and nothing issued since. */
  #flushAnswered = false;
  #needed = 0;
  #requestCount = 0;
  readonly #flushWaiters = new Set<DeviceDone>();
  #heldFlushes: DeviceDone[] = [];
  readonly #onEnd: (() => void)[] = [];

  constructor(parts: PrimaryParts, owner: PrimaryOwner) {
    this.#parts = parts;
    this.#owner = owner;
    this.term = parts.term;
    this.firstEpoch = parts.firstEpoch;
    this.mirrors = parts.mirrors;
    const { config, disk, locks, metadata, slabs, world } = parts;
    this.#isAsync = config.mode === 'async';
    this.#flushes = new FlushRounds(this, metadata, disk);
    this.#localFlushes = new LocalFlushes(disk);
    this.#writes = new WritePath(this, { locks, disk, log: metadata.activityLog, flushes: this.#flushes });
    this.#reads = new ReadPath(
      this,
      locks,
      disk,
      slabs,
      config.mode === 'sync' ? config.readPolicy : 'local',
    );
    this.#membership = new Membership(this, {
      volume: config.name,
      node: config.node,
      mirrors: parts.mirrors,
      arbiter: parts.arbiter,
      isAsync: this.#isAsync,
      set: metadata.state.set,
    });
    this.#lease = new Lease(world.clock, world.timers, parts.needsLease, {
      lapsed: () => owner.statusChanged(),
      renewed: () => this.#openGates(),
      expired: () => this.end('the lease has expired'),
    });
    this.device = new PrimaryDevice(this, config.name, parts.term.number);
    metadata.activityLog.onStarved(() => this.#flushes.request(() => {}));
  }

  get ended(): boolean {
    return this.#ended;
  }

  get needed(): number {
    return this.#needed;
  }

  get oldestEpoch(): number {
    return this.#writes.oldestEpoch;
  }

  get localFailed(): boolean {
    return this.#parts.disk.failure !== undefined;
  }

  get localIsGood(): boolean {
    return !this.localFailed;
  }

  get isOnHold(): boolean {
    return this.#membership.holdReason !== undefined;
  }

  get set(): InSyncSet {
    return this.#membership.set;
  }

  get heldWrites(): number {
    return this.#writes.heldCount;
  }

  /** Reads and writes that the application has asked for. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /** The epoch with which a later term must go on. */
  get nextEpoch(): number {
    return this.#flushes.epoch + 1;
  }

  get freezeReason(): string | null {
    if (!this.#lease.isValid) return 'no valid lease';
    return this.#membership.holdReason ?? null;
  }

  /**
   * Serves from now on. Peers that replicate already and are equal are in step if they belong to the set, and join it if not; one
   * that is still being copied to is no member.
   */
  start(): void {
    const equal = this.mirrors.filter(({ link }) => link?.isEqual === true);
    this.#needsName = equal.length < this.mirrors.length;
    const isMember = ({ node }: Mirror): boolean => this.set.members.includes(node);
    this.#membership.start(equal.filter(isMember).map(({ node }) => node));
    this.#recompute();
    for (const mirror of equal) if (!isMember(mirror)) this.peerCaughtUp(mirror);
    this.#tellThirds();
    if (this.#parts.disk.isRebuilding && !this.#ended) this.#startRebuild();
  }

  setLease(validUntilBootMs: number, graceMs: number): void {
    this.#lease.extend(validUntilBootMs, graceMs);
    this.#owner.statusChanged();
  }

  /** May a handshake with this peer begin? Not while it is undecided whether the peer is out. */
  mayMeet(peer: string): boolean {
    return !this.#ended && !this.#membership.isDeciding(peer);
  }

  isInStep(peer: string): boolean {
    return this.#membership.isInStep(peer);
  }

  /** The peer takes writes from now on; blocks may still have to be copied to it. Opening the copy may have minted a generation. */
  peerReplicating(): void {
    this.#recompute();
    this.#spreadName();
  }

  /** The peer has every block: it follows now, and joins the set when it has had and flushed what was sent to it. */
  peerCaughtUp(mirror: Mirror): void {
    const { link } = mirror;
    if (this.#ended || link === undefined || this.#membership.isInStep(mirror.node)) return;
    this.#owner.level();
    if (mirror.link !== link) return;
    this.#mayShareName.delete(mirror.node);
    this.#spreadName();
    if (this.#isAsync) {
      this.#flushes.resend(mirror);
      return this.#tellThirds();
    }
    this.#membership.join(mirror.node);
    this.#recompute();
    this.#writes.forgetUnsent(mirror.bit);
    this.#flushes.resend(mirror);
    this.#writes.whenHadBy(mirror.bit, () => {
      this.#flushes.request(() => {
        if (mirror.link !== link) return;
        this.#assertAsLarge(link);
        this.#membership.inStep(mirror.node);
        this.#tellThirds();
      });
    });
  }

  /** A copy to the peer ends: it is given the present name, and whether it took it is known when it says so. */
  peerGetsName(mirror: Mirror): void {
    this.#mayShareName.add(mirror.node);
  }

  /** There is one more in `mirrors`: what is written from now on is counted for it, under a new name. */
  peerAdded(): void {
    if (!this.#ended) this.#recompute();
  }

  /** Its session takes no more writes (and `mirror.link` is gone). */
  peerLost(mirror: Mirror): void {
    if (this.#ended) return;
    // Before any round ends without it: the others must count bits for it from the unsettled blocks on.
    this.#tellThirds();
    // What it had not flushed is marked before writes that waited for it may end, and a round with them that does not ask it any more.
    this.#flushes.peerLost(mirror);
    this.#writes.peerLost(mirror);
    this.#membership.lost(mirror.node);
    this.#recompute();
    this.#reads.retryRemote();
  }

  confirmed(op: WriteOp, bit: number): void {
    this.#writes.acknowledged(op, bit);
  }

  flushConfirmed(bit: number, round: number): void {
    this.#flushes.confirm(bit, round);
  }

  /** A secondary's activity log is full of what is not settled yet. */
  peerStarved(): void {
    if (!this.#ended) this.#flushes.peerStarved();
  }

  /** The peer has durably taken the name `current`: nothing needs to be counted for it any more. */
  peerNamed(mirror: Mirror, current: Uuid): void {
    if (this.#ended || mirror.link?.isEqual !== true || this.#unnamed.get(mirror.node) !== current) return;
    this.#unnamed.delete(mirror.node);
    const isNamed = ({ generations }: MetadataState): boolean => generations.current === current;
    this.#persist(
      (state) =>
        isNamed(state) ? { ...state, generations: peerCaughtUp(state.generations, mirror.node) } : state,
      () => {},
    );
  }

  /** Never calls `then` when the term ends first. */
  betweenRounds(then: () => void): void {
    this.#flushes.betweenRounds(then);
  }

  forEachUnsettled(each: (offset: number, lengthBytes: number) => void): void {
    this.#flushes.forEachUnsettled(each);
    this.#writes.forEachUnfinished(each);
  }

  /** This node's disk has failed: leave the set before anything is acknowledged without it. */
  localLost(): void {
    if (this.#ended) return;
    this.#rebuild?.stop();
    this.#rebuild = undefined;
    const inStep = this.mirrors.filter(({ link, node }) => link !== undefined && this.isInStep(node));
    this.#differing ??= new Differing(this.mirrors, inStep, this.sizeBytes);
    this.#writes.localLost();
    this.#flushes.localLost();
    this.#recompute();
    this.#membership.localLost();
  }

  /** Another disk takes the place of the local one that has failed: it has nothing of the volume. `done` once that is durably known. */
  localLacksAll(done: (error: EterneError | undefined) => void): void {
    if (this.#ended) return done(termOver());
    for (const { bitmap } of this.mirrors) bitmap.markAll();
    this.#parts.metadata.persistBitmaps(done);
  }

  /** The local disk was attached again. `done` once what it lacks is durably known. */
  rebuildLocal(data: BlockStore, done: (error: EterneError | undefined) => void): void {
    const { disk, metadata } = this.#parts;
    metadata.persistBitmaps((error) => {
      if (error !== undefined || this.#ended) return data.close(() => done(error ?? termOver()));
      disk.attach(data);
      this.#startRebuild();
      done(undefined);
    });
  }

  localWillCopy(offset: number, lengthBytes: number): boolean {
    return this.#rebuild?.willCopy(offset, lengthBytes) ?? false;
  }

  metadataFailed(): void {
    this.end('the metadata cannot be written');
  }

  writeRefused(): void {
    this.#owner.diverged();
  }

  /** Takes no more I/O, and calls `done` when everything taken is settled and flushed everywhere; abrupt when that cannot be. */
  drain(done: (isClean: boolean) => void): void {
    if (this.#ended) return done(false);
    this.#draining = true;
    this.#writes.rejectQueued('ESHUTDOWN');
    if (this.freezeReason !== null) {
      this.end('demoted while frozen');
      return done(false);
    }
    this.#onEnd.push(() => done(false));
    this.#writes.whenDrained(() => {
      this.#flushes.request(() => {
        if (this.#isAsync) this.#membership.closeWith(this.#equalPeers(), () => this.#drained(done));
        else this.#drained(done);
      });
    });
  }

  #drained(done: (isClean: boolean) => void): void {
    if (this.#ended) return;
    this.#onEnd.length = 0;
    this.#stop();
    done(true);
  }

  #equalPeers(): string[] {
    return this.mirrors.flatMap(({ link, node }) => {
      if (link?.isEqual !== true) return [];
      this.#assertAsLarge(link);
      return [node];
    });
  }

  /** Who is about to join the set takes every write to what is shown. */
  #assertAsLarge(link: MirrorLink): void {
    assert(link.peerSizeBytes >= this.sizeBytes, 'who joins the set is as large as what is shown');
  }

  /** Ends the term at once. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#stop();
    const isClean = this.#writes.isIdle && this.#flushes.isClean;
    this.#writes.end('ESHUTDOWN');
    this.#flushes.end();
    this.#reads.end('ESHUTDOWN');
    for (const fail of this.#flushWaiters) fail('ESHUTDOWN');
    this.#flushWaiters.clear();
    this.#owner.ended(reason, !isClean);
    for (const then of this.#onEnd.splice(0)) then();
  }

  // What the front end's device calls.

  get closed(): boolean {
    return this.#ended || this.#draining;
  }

  get sizeBytes(): number {
    return this.#parts.metadata.sizeBytes;
  }

  extentAt(offset: number, lengthBytes: number, done: (extent: Extent) => void): void {
    this.#reads.extentAt(offset, lengthBytes, done);
  }

  release(data: Buffer): void {
    this.#parts.slabs.give(data);
  }

  readPiece(offset: number, lengthBytes: number, done: ReadDone): void {
    this.#requestCount += 1;
    this.#reads.submit(offset, lengthBytes, done);
  }

  writePiece(
    offset: number,
    lengthBytes: number,
    data: Buffer | undefined,
    mayPunch: boolean,
    fua: boolean,
    done: DeviceDone,
  ): void {
    this.#requestCount += 1;
    this.#writes.submit(new WriteOp(this.#writes, offset, lengthBytes, data, mayPunch, fua, done));
  }

  flush(done: DeviceDone): void {
    this.#flushWaiters.add(done);
    if (this.#writes.isIdle && this.#flushes.isClean) return this.#flushed(done);
    this.makeDurable(() => this.#flushed(done));
  }

  // What its parts ask.

  /** Asynchronous: on this node's disk. The rounds of all replicas go on beside it, so that the activity log can let go. */
  makeDurable(done: () => void): void {
    if (!this.#isAsync) return this.#flushes.request(done);
    this.#localFlushes.request(() => {
      this.#flushAnswered = true;
      done();
      if (!this.#ended && !this.#flushes.isRunning) this.#flushes.request(() => {});
    });
  }

  takeBarrier(): boolean {
    const isBehindFlush = this.#flushAnswered;
    this.#flushAnswered = false;
    return isBehindFlush;
  }

  issueTimeMs(): number {
    return this.#isAsync ? this.#parts.world.clock.bootMs() : 0;
  }

  get window(): WriteWindowSize {
    return this.#isAsync
      ? { writes: ASYNC_WRITES, bytes: this.#parts.config.congestion.queueBytes }
      : SYNC_WINDOW;
  }

  /** With `ahead` whoever lags most gets no more writes: bits say what it lacks. */
  congested(): void {
    if (!this.#isAsync || this.#parts.config.congestion.policy !== 'ahead') return;
    const lagOf = ({ link }: Mirror): number => link?.lagWrites ?? 0;
    const last = this.mirrors.reduce((most, mirror) => (lagOf(mirror) > lagOf(most) ? mirror : most));
    // One that is being copied to cannot be let go: its copy counts on the writes.
    if (last.link?.isEqual !== true) return;
    last.link.goAhead();
    this.peerLost(last);
  }

  mayAdmit(): boolean {
    if (!this.#isOpen || this.#ended || !this.#lease.isValid) return false;
    if (this.#mustMint) this.#mint();
    return !this.#mustMint;
  }

  mayReply(): boolean {
    return !this.#ended && this.#membership.holdReason === undefined && this.#lease.isValid;
  }

  isUndefined(offset: number, lengthBytes: number): boolean {
    const { undefinedBlocks } = this.#parts.metadata;
    return undefinedBlocks.dirtyBlocks > 0 && undefinedBlocks.anyDirty(offset, lengthBytes);
  }

  /** Bits tell what a peer lacks, unless the local disk has failed: then they tell what that lacks. */
  sources(offset: number, lengthBytes: number): readonly MirrorLink[] {
    const links: MirrorLink[] = [];
    const differing: MirrorLink[] = [];
    for (const { bitmap, link, node } of this.mirrors) {
      if (link === undefined || !this.#membership.isInStep(node)) continue;
      const lacks = this.localFailed
        ? this.#differing?.has(node, offset, lengthBytes) === true
        : bitmap.dirtyBlocks > 0 && bitmap.anyDirty(offset, lengthBytes);
      (lacks ? differing : links).push(link);
    }
    if (!this.localFailed || links.length > 0 || differing.length === 0) return links;
    this.#differing?.disputed(offset, lengthBytes);
    return differing;
  }

  scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#parts.world.timers.afterEvent(() => {
      this.#turnScheduled = false;
      this.#writes.endTurn();
    });
  }

  persistSet(set: InSyncSet, done: () => void): void {
    const held = this.#writes.inFlightCount > 0 || this.#writes.hasQueued;
    const isMember = set.members.includes(this.#parts.config.node);
    const change = (state: MetadataState): MetadataState => ({
      ...state,
      set,
      diskState: stateIn(isMember, state.set.members.includes(this.#parts.config.node), state.diskState),
    });
    this.#persist(held ? (state) => this.#minted(change(state)) : change, done);
  }

  released(bits: number): void {
    this.#needed = this.#membership.needed;
    this.#writes.forgetUnsent(bits);
    this.#flushes.forget(bits & ~this.#linkedBits());
  }

  moved(): void {
    this.#recompute();
    if (this.isOnHold) this.#writes.holdBegun();
  }

  refused(reason: string): void {
    this.end(reason);
  }

  #startRebuild(): void {
    const { config, disk, locks, metadata, world } = this.#parts;
    const pacer = new ResyncPacer({
      clock: world.clock,
      timers: world.timers,
      ...config.resyncRate,
      requestCount: () => this.requestCount,
      backlogBytes: () => 0,
    });
    const rebuild = new Rebuild({
      disk,
      locks,
      sizeBytes: metadata.sizeBytes,
      bitmaps: this.mirrors.map(({ bitmap }) => bitmap),
      undefinedBlocks: metadata.undefinedBlocks,
      source: (offset, lengthBytes) => this.sources(offset, lengthBytes)[0],
      pace: (lengthBytes, go) => pacer.take(lengthBytes, go),
      later: (delayMs, go) => void world.timers.after(delayMs, go),
      unreadable: (offset) => this.#complainOf(offset),
      copied: () => this.#flushes.request(() => this.#localCaughtUp(rebuild)),
    });
    this.#rebuild = rebuild;
    this.#owner.statusChanged();
    rebuild.start();
  }

  /** Once for each term: more of them would say no more. */
  #complainOf(offset: number): void {
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    const { config, world } = this.#parts;
    world.log(
      'warn',
      `volume ${config.name}: the block at ${offset}, which this node's disk lacks, cannot be read elsewhere either: it is tried again`,
    );
  }

  /** Its blocks are on the disk to stay: it differs from no peer in step any more, and joins the set as a peer would. */
  #localCaughtUp(rebuild: Rebuild): void {
    const { metadata } = this.#parts;
    if (this.#ended || this.#rebuild !== rebuild) return;
    // What is undefined must be known to be so before its bits go.
    metadata.undefinedBlocks.persist((error) => {
      if (this.#ended || this.#rebuild !== rebuild) return;
      if (error !== undefined) return this.metadataFailed();
      for (const { bitmap, node } of this.mirrors) if (this.#membership.isInStep(node)) rebuild.clear(bitmap);
      this.#differing?.restore();
      this.#localCleared(rebuild);
    });
  }

  #localCleared(rebuild: Rebuild): void {
    const { disk, metadata } = this.#parts;
    metadata.persistBitmaps((error) => {
      if (this.#ended || this.#rebuild !== rebuild) return;
      if (error !== undefined) return this.metadataFailed();
      this.#rebuild = undefined;
      disk.rebuilt();
      this.#differing = undefined;
      this.#membership.joinLocal();
      this.#recompute();
      this.#writes.whenHadBy(LOCAL_BIT, () => {
        this.#flushes.request(() => {
          if (this.localFailed) return;
          this.#membership.localInStep();
          this.#owner.localBack();
        });
      });
    });
  }

  #flushed(done: DeviceDone): void {
    if (this.mayReply() && this.#flushWaiters.delete(done)) done(undefined);
    else if (this.#flushWaiters.has(done)) this.#heldFlushes.push(done);
  }

  /** Brings everything cached up to date with peers and membership, and lets through what may go now. */
  #recompute(): void {
    this.#needed = this.#membership.needed;
    this.#isOpen = this.#membership.isSettled && this.#membership.holdReason === undefined;
    this.#mustMint = this.#needsName || this.mirrors.some((mirror) => this.#lacksName(mirror));
    this.#owner.statusChanged();
    this.#openGates();
    this.#rebuild?.peersMoved();
  }

  #openGates(): void {
    if (this.#ended) return;
    this.#writes.admitQueued();
    if (!this.mayReply()) return;
    this.#writes.replyHeld();
    for (const done of this.#heldFlushes.splice(0)) this.#flushed(done);
    this.#reads.resume();
  }

  /** The peer is away, and its copy has, or may have, the name that ours has. */
  #lacksName(mirror: Mirror): boolean {
    const { generations } = this.#parts.metadata.state;
    if (mirror.link !== undefined) return false;
    if (this.#unnamed.has(mirror.node) || this.#mayShareName.has(mirror.node)) return true;
    return bitmapFor(generations, mirror.node) === NIL_UUID;
  }

  /** Equal peers that bits are counted for did not hear the present name yet. */
  #spreadName(): void {
    if (this.#expectNames()) this.#owner.announce();
  }

  /** Whoever of them takes the present name from now on is heard. True when there is one. */
  #expectNames(): boolean {
    const { generations } = this.#parts.metadata.state;
    const isBehind = ({ link, node }: Mirror): boolean =>
      link?.isEqual === true && bitmapFor(generations, node) !== NIL_UUID;
    const behind = this.mirrors.filter(isBehind);
    // One that a mint is about to name is left to it.
    for (const { node } of behind) if (!this.#unnamed.has(node)) this.#unnamed.set(node, generations.current);
    return behind.length > 0;
  }

  #tellThirds(): void {
    if (this.mirrors.length > 1) this.#owner.announce();
  }

  /** First write after a loss was settled: a new generation, before the write is admitted. */
  #mint(): void {
    if (this.#minting) return;
    this.#minting = true;
    this.#persist(
      (state) => this.#minted(state),
      () => {
        this.#minting = false;
        this.#recompute();
      },
    );
  }

  #minted(state: MetadataState): MetadataState {
    const lacking = this.mirrors.filter((mirror) => this.#lacksName(mirror));
    if (lacking.length === 0 && !this.#needsName) return state;
    this.#needsName = false;
    const fresh = this.#parts.world.random.uuid();
    for (const { node } of lacking) {
      this.#unnamed.delete(node);
      this.#mayShareName.delete(node);
    }
    // Those that are there lack the new name, too, until they have taken it.
    for (const { link, node } of this.mirrors) if (link?.isEqual === true) this.#unnamed.set(node, fresh);
    return {
      ...state,
      generations: divided(
        state.generations,
        fresh,
        this.mirrors.map(({ node }) => node),
      ),
    };
  }

  /** Makes a change of the metadata durable, then tells the peers. A term that cannot write its metadata has no disk. */
  #persist(change: (state: MetadataState) => MetadataState, done: () => void): void {
    this.#parts.metadata.update(change, (error) => {
      if (this.#ended) return;
      if (error !== undefined) return this.#metadataLost(error);
      // A peer may have become equal since the change was asked for: it takes a name that was minted without it.
      this.#expectNames();
      this.#owner.announce();
      done();
    });
  }

  #metadataLost(error: EterneError): void {
    this.end(`the metadata cannot be written: ${error.message}`);
  }

  #linkedBits(): number {
    let bits = 0;
    for (const mirror of this.mirrors) if (mirror.link !== undefined) bits |= mirror.bit;
    return bits;
  }

  #stop(): void {
    this.#ended = true;
    this.#rebuild?.stop();
    this.#lease.end();
  }
}

function termOver(): EterneError {
  return new EterneError('not-primary', 'the term has ended meanwhile');
}

/** A replica that leaves the set is not to be trusted; one that comes back is whole. */
function stateIn(
  isMember: boolean,
  wasMember: boolean,
  diskState: MetadataState['diskState'],
): MetadataState['diskState'] {
  if (!isMember) return 'Inconsistent';
  return wasMember ? diskState : 'UpToDate';
}
