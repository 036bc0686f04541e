/**
 * One replica of a mirrored volume, from its stores to its peers: it opens them, changes roles, and tells its status. What moves data
 * is in `primary/` (this node serves) and `link/` (sessions with peers).
 *
 * ```
 * secondary ──promote──▶ promoting ──▶ primary ──demote──▶ demoting ──▶ secondary
 *                                         │ term lost                     ▲
 *                                         └──────▶ winding up ────────────┘
 * ```
 */
import { EterneError, assert } from '@eterne/base';
import type { Address, BlockDevice, BlockStore, Stream, World } from '@eterne/runtime';
import { NIL_UUID, type MetadataState, type VolumeMetadata } from '../metadata/index.ts';
import type {
  Arbiter,
  AttachRequest,
  Grant,
  LocalReplica,
  Others,
  PromoteRequest,
  Standing,
  Term,
  VerifyRequest,
  VolumeConfig,
  VolumeStatus,
} from './api.ts';
import { INTERNAL_METADATA } from './disk/open-device.ts';
import { begunAnew, openStores, type OpenedStores } from './disk/open-stores.ts';
import type { Checksums } from './disk/checksums/checksums.ts';
import type { GoodSource } from './disk/fetch-good.ts';
import { Repairer } from './disk/repairer.ts';
import type { VerifyRequest as VerifyJobRequest } from '../protocol/messages/verify.ts';
import { Invalidation } from './invalidate.ts';
import type { Gauge } from './gauge.ts';
import { isNewer } from './link/after-handshake.ts';
import { Announcer } from './link/announcer.ts';
import { livesBetween } from './link/lives.ts';
import type { PathNote } from '../protocol/wire.ts';
import { Peer } from './link/peer.ts';
import { LocalDisk } from './local-disk.ts';
import { UndefinedFiller } from './usage/undefined-filler.ts';
import { Primary } from './primary/primary.ts';
import { Promotion } from './promotion.ts';
import { reattach } from './reattach.ts';
import { Replica } from './replica.ts';
import { parseSchedule } from './verify/cron.ts';
import { ScheduledVerify } from './verify/scheduled-verify.ts';
import { RescueKeeper } from './rescue-keeper.ts';
import type { SplitBrainReport } from './split-brain/report.ts';

type Done = (error: EterneError | undefined) => void;

/** Replicas of a volume beside this one. */
const MAX_OTHERS = 31;
/** A drain that takes longer is ended abruptly: what is unsettled then stays dirty. */
const DRAIN_TIMEOUT_MS = 3000;
const REFUSED_HERE = 'it took writes that were refused here';
/** A full disk refuses many writes in a row. */
const LEVEL_DELAY_MS = 1000;

/** Opens the stores of one replica and begins to look for its peers. Errors: those of `openStores`. */
export function openVolume(
  world: World,
  config: VolumeConfig,
  arbiter: Arbiter,
  done: (result: LocalReplica | EterneError) => void,
): void {
  openStores(world, config, (stores) => {
    if (stores instanceof EterneError) return done(stores);
    takeCommitted(config.node, stores.metadata, arbiter.committed, () =>
      countForUnknown(config, stores.metadata, () => {
        const volume = new Volume(world, config, arbiter, stores);
        volume.start();
        done(volume);
      }),
    );
  });
}

/**
 * A primary that lost its power before it heard that its proposal was committed would tell the replica that it had taken in that this one is outside, and copy
 * to it what the crash has left, while the cluster promotes it (invariant 1). Terms of another grantor cannot be compared: those a meeting settles.
 * Nor does a target that is no member take it: it is nobody's source, and would wait for its own that has not been told yet (row 8).
 */
function takeCommitted(
  node: string,
  metadata: VolumeMetadata,
  committed: Grant | undefined,
  done: () => void,
): void {
  const { state } = metadata;
  if (committed === undefined || committed.term.grantor !== state.term.grantor || !isNewer(committed, state))
    return done();
  if (state.diskState === 'Inconsistent' && !committed.set.members.includes(node)) return done();
  metadata.update((mine) => ({ ...mine, ...committed }), done);
}

/**
 * Nobody marks what a replica lacks that the configuration has left out, so everything may differ when it comes back; nor what one lacks that came into the configuration while this
 * node was down: a crash's last writes have been marked before it was known. Metadata that cannot be written tells the volume itself.
 */
function countForUnknown({ peers }: VolumeConfig, metadata: VolumeMetadata, done: () => void): void {
  const { justCreated, peerIncarnations, volumeUuid } = metadata.state;
  const isAbsent = (peer: string): boolean => !Object.hasOwn(peers, peer);
  const neverMet = (peer: string): boolean => peerIncarnations[peer] === 0 && volumeUuid !== NIL_UUID;
  const unknown = metadata.peers.filter((peer) => isAbsent(peer) || neverMet(peer));
  if (unknown.length === 0 || justCreated) return done();
  for (const peer of unknown) metadata.bitmap(peer).markAll();
  metadata.persistBitmaps(done);
}

class Volume implements LocalReplica {
  readonly config: VolumeConfig;
  readonly rescue: RescueKeeper | undefined;
  readonly #world: World;
  readonly #arbiter: Arbiter;
  readonly #disk: LocalDisk;
  readonly #metadata: VolumeMetadata;
  readonly #checksums: Checksums | undefined;
  readonly #replica: Replica;
  readonly #peers: readonly Peer[];
  #others: Others;
  readonly #announcer: Announcer;
  readonly #repairer: Repairer;
  readonly #listeners: (() => void)[] = [];
  #changeScheduled = false;
  /** A lease that came before the promotion it is for. */
  #lease: { readonly validUntilBootMs: number; readonly graceMs: number } | undefined;
  /** What waits for a promotion, demotion or step-down to be over. */
  readonly #onRoleSettled: (() => void)[] = [];
  #scheduledVerify: ScheduledVerify | undefined;
  #closed = false;

  constructor(
    world: World,
    config: VolumeConfig,
    arbiter: Arbiter,
    { checksums, data, metadata, rescue }: OpenedStores,
  ) {
    this.#world = world;
    this.config = config;
    this.#others = config;
    this.#arbiter = arbiter;
    this.#metadata = metadata;
    this.#checksums = checksums;
    this.#disk = new LocalDisk(data, {
      failed: (error) => this.#diskFailed(error.message),
      unreadable: (offset, lengthBytes) => this.#repairer.request(offset, lengthBytes),
      reservedByOther: (error) => this.#reservationLost(error.message),
    });
    const isLocal = arbiter.isLocal === true;
    this.#replica = new Replica(world, config, metadata, this.#disk, isLocal, () => this.#changed());
    this.#announcer = new Announcer(this.#replica);
    this.#peers = this.#replica.peers;
    for (const [node, addresses] of Object.entries(config.peers).sort(([a], [b]) => (a < b ? -1 : 1)))
      this.#replica.peers.push(this.#newPeer(node, addresses));
    this.rescue = rescue && new RescueKeeper(this.#replica, this.#peers, rescue, () => this.#roleSettled());
    this.#replica.rescue = this.rescue;
    this.#repairer = new Repairer({
      disk: this.#disk,
      locks: this.#replica.locks,
      timers: world.timers,
      sizeBytes: () => metadata.sizeBytes,
      source: (offset, lengthBytes) => this.#goodSource(offset, lengthBytes),
      gauge: () => this.#repairGauge(),
      log: (message) => world.log('warn', `volume ${config.name}: ${message}`),
    });
    const filler = new UndefinedFiller({
      disk: this.#disk,
      locks: this.#replica.locks,
      timers: world.timers,
      undefinedBlocks: metadata.undefinedBlocks,
      sizeBytes: () => metadata.sizeBytes,
      source: (offset, lengthBytes) => this.#fillSource(offset, lengthBytes),
      gauge: () => this.#repairGauge(),
    });
    this.#disk.watchWrites((offset, lengthBytes) => filler.written(offset, lengthBytes));
    this.#replica.isServedBeside = (beside) =>
      this.#peers.some(({ node, session }) => node !== beside && session?.peerRole === 'primary');
    metadata.activityLog.onStarved(() => this.#replica.starved());
    metadata.onFailed((error) =>
      this.#disk.fail({ kind: 'device', errno: 'EIO', message: `metadata: ${error.message}` }),
    );
  }

  start(): void {
    const begin = (): void => {
      for (const peer of this.#peers) peer.start();
      this.#scheduleVerify();
    };
    if (this.rescue === undefined) begin();
    else this.rescue.start(begin);
  }

  get device(): BlockDevice | undefined {
    const { primary } = this.#replica;
    return primary === undefined || primary.closed ? undefined : primary.device;
  }

  get standing(): Standing {
    return this.#metadata.state;
  }

  fail(message: string): void {
    this.#disk.fail({ kind: 'device', errno: 'EIO', message });
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  acceptStream(stream: Stream, fromNode: string, path?: PathNote): void {
    const peer = this.#peers.find(({ node }) => node === fromNode);
    if (peer === undefined || this.#closed) stream.destroy();
    else peer.accept(stream, path);
  }

  promote(request: PromoteRequest, done: Done): void {
    const { primary } = this.#replica;
    if (primary !== undefined && !primary.closed) return this.#promoteAgain(primary, request, done);
    if (this.#replica.changingRole || this.#closed) return done(busy('the volume is changing its role'));
    if (request.force && this.rescue?.canRollBack === true)
      return this.rescue.rollBack((error) =>
        error === undefined ? this.promote(request, done) : done(error),
      );
    this.#replica.invalidation?.cancel('this replica is promoted');
    this.#replica.changingRole = true;
    const promotion = new Promotion({
      replica: this.#replica,
      request,
      announce: (state, told) => this.#announcer.say(state, told),
      done: (result) => {
        this.#replica.roleChange = undefined;
        this.#replica.changingRole = false;
        if (!(result instanceof EterneError))
          this.#serve(result.term, request.granted !== undefined && request.withoutLease !== true);
        done(result instanceof EterneError ? result : undefined);
        this.#roleSettled();
      },
    });
    this.#replica.roleChange = promotion;
    promotion.start();
  }

  demote(done: Done): void {
    const { primary } = this.#replica;
    if (this.#replica.changingRole) return void this.#onRoleSettled.push(() => this.demote(done));
    if (primary === undefined) return done(undefined);
    this.#onRoleSettled.push(() => done(undefined));
    if (primary.closed) return;
    const timeout = this.#world.timers.after(DRAIN_TIMEOUT_MS, () => primary.end('draining took too long'));
    primary.drain((isClean) => {
      timeout.cancel();
      if (isClean) this.#stepDown(primary, false);
    });
    this.#changed();
  }

  addPeer(peerNode: string, addresses: readonly Address[], done: Done): void {
    const { name, node } = this.config;
    const known = this.#peers.find((peer) => peer.node === peerNode);
    if (peerNode === node || known?.isRetired === false)
      return done(new EterneError('conflict', `${peerNode} has a replica of ${name} already`));
    if (known === undefined && this.#peers.length >= MAX_OTHERS)
      return done(new EterneError('refused', `volume ${name} has ${MAX_OTHERS + 1} replicas already`));
    this.#metadata.addPeer(peerNode, (refusal) => {
      if (refusal !== undefined) return done(refusal);
      // It may have been a peer before, and nobody has counted for it since.
      const bitmap = this.#metadata.bitmap(peerNode);
      if (!this.#metadata.state.justCreated) bitmap.markAll();
      bitmap.persist((error) => {
        if (error === undefined && known === undefined) this.#begin(this.#newPeer(peerNode, addresses));
        else if (error === undefined) known?.readdress(addresses);
        done(error);
      });
    });
  }

  setPeers(others: Others, done: Done): void {
    const { peers } = others;
    this.#others = others;
    for (const peer of this.#peers) {
      const addresses = Object.hasOwn(peers, peer.node) ? peers[peer.node] : undefined;
      if (addresses !== undefined) peer.mean(livesBetween(this.config.node, peer.node, others));
      if (peer.isRetired) continue;
      if (addresses === undefined) peer.retire();
      else peer.readdress(addresses);
    }
    const isThere = (node: string): boolean =>
      this.#peers.some((peer) => peer.node === node && !peer.isRetired);
    const missing = Object.entries(peers).filter(([node]) => !isThere(node));
    const next = (index: number): void => {
      const [node, addresses] = missing[index] ?? [];
      if (node === undefined || addresses === undefined) return done(undefined);
      this.addPeer(node, addresses, (error) => (error === undefined ? next(index + 1) : done(error)));
    };
    next(0);
  }

  #newPeer(node: string, addresses: readonly Address[]): Peer {
    const lives = livesBetween(this.config.node, node, this.#others);
    return new Peer(this.#replica, node, this.#peers.length, addresses, lives);
  }

  #begin(peer: Peer): void {
    this.#replica.peers.push(peer);
    this.#replica.primary?.peerAdded();
    if (!this.#closed) peer.start();
    this.#changed();
  }

  connect(peerNode: string, done: Done): void {
    this.#withPeer(peerNode, done, (peer) => peer.connect());
  }

  disconnect(peerNode: string, done: Done): void {
    this.#withPeer(peerNode, done, (peer) => peer.disconnect('disconnected by the operator'));
  }

  resolve(peerNode: string | undefined, discard: 'local' | 'remote', done: Done): void {
    const parted = this.#peers.filter(({ isParted, node }) => isParted && (peerNode ?? node) === node);
    if (parted.length === 0)
      return done(new EterneError('refused', `volume ${this.config.name} has no split brain to resolve`));
    const settle = (): void => {
      for (const peer of parted) peer.resolve(discard === 'local' ? this.config.node : peer.node);
      done(undefined);
    };
    if (discard === 'remote') return settle();
    this.demote((error) => (error === undefined ? settle() : done(error)));
  }

  verify({ peer, fast, repair }: VerifyRequest, done: Done): void {
    const job = fast ? 'fast' : this.config.mode === 'sync' ? 'direct' : 'digest';
    this.#onPeers(peer, { job, repair }, done);
  }

  resync(peer: string | undefined, done: Done): void {
    this.#onPeers(peer, { job: 'repair', repair: true }, done);
  }

  invalidate(done: Done): void {
    new Invalidation(this.#replica, this.#peers, done).start();
  }

  explainSplitBrains(done: (reports: readonly SplitBrainReport[]) => void): void {
    const reports: SplitBrainReport[] = [];
    let unfinished = 1;
    const finished = (): void => {
      unfinished -= 1;
      if (unfinished === 0) done(reports);
    };
    for (const peer of this.#peers.filter(({ isParted }) => isParted)) {
      unfinished += 1;
      peer.explainSplitBrain((report) => {
        if (!(report instanceof EterneError)) reports.push(report);
        finished();
      });
    }
    finished();
  }

  resize(sizeBytes: number, done: Done): void {
    this.#replica.size.resize(sizeBytes, undefined, done);
  }

  attach(request: AttachRequest, done: Done): void {
    const { primary } = this.#replica;
    if (this.#disk.failure === undefined) return done(refused('the disk is attached and good'));
    if (this.#disk.isRebuilding) return done(refused('the disk is being rebuilt already'));
    if (primary === undefined)
      return request.replaced ? this.#metadata.update(begunAnew, done) : done(undefined);
    if (this.config.metadataPath === INTERNAL_METADATA)
      return done(refused('its metadata lies on the failed disk: demote the volume first'));
    if (this.config.mode === 'async')
      return done(refused('an asynchronous peer may lack the newest writes: demote the volume first'));
    const parts = {
      world: this.#world,
      config: this.config,
      disk: this.#disk,
      primary,
      sizeBytes: this.#metadata.sizeBytes,
      replaced: request.replaced,
      forgetChecksums: (next: Done): void =>
        this.#checksums === undefined ? next(undefined) : this.#checksums.forget(next),
      wrap: (data: BlockStore): BlockStore => {
        this.#replica.size.growth.forget();
        return this.#checksums?.wrap(data) ?? data;
      },
    };
    reattach(parts, done);
  }

  detach(done: Done): void {
    const { primary } = this.#replica;
    if (this.#disk.isDetached) return done(undefined);
    const isAsync = this.config.mode === 'async';
    const isNeeded =
      primary !== undefined && (isAsync || primary.sources(0, this.#metadata.sizeBytes).length === 0);
    if (isNeeded) return done(refused('no other replica could serve'));
    if (this.config.metadataPath === INTERNAL_METADATA)
      return done(refused('its metadata lies on the same disk: remove the volume instead'));
    this.#disk.detach(() => done(undefined));
  }

  setLease(lease: { readonly validUntilBootMs: number; readonly graceMs: number }): void {
    this.#lease = lease;
    this.#replica.primary?.setLease(lease.validUntilBootMs, lease.graceMs);
  }

  close(done: () => void): void {
    assert(!this.#closed, 'a volume is closed once');
    this.#closed = true;
    this.#replica.invalidation?.cancel('this node is shutting down');
    this.#scheduledVerify?.close();
    // A promotion that is under way is waited for, and undone.
    this.demote(() => {
      for (const peer of this.#peers) peer.close();
      this.#replica.size.growth.whenIdle(() =>
        this.#replica.whenQuiet(() =>
          this.#disk.flush(() => this.#settleChecksums(() => this.#closeStores(done))),
        ),
      );
    });
  }

  /** What cannot be written is unknown at the next opening. */
  #settleChecksums(done: () => void): void {
    if (this.#checksums === undefined || this.#disk.failure !== undefined) done();
    else this.#checksums.settle(() => done());
  }

  #closeStores(done: () => void): void {
    const closeRest = (): void => this.#metadata.close(() => this.#disk.close(done));
    if (this.rescue === undefined) closeRest();
    else this.rescue.close(closeRest);
  }

  status(): VolumeStatus {
    const { name, mode } = this.config;
    const { sizeBytes, state } = this.#metadata;
    const { primary } = this.#replica;
    const freezeReason = primary?.freezeReason ?? null;
    const peers = this.#peers.filter(({ isRetired }) => !isRetired).map((peer) => peer.status());
    return {
      name,
      sizeBytes,
      mode,
      role: this.#replica.role,
      term: state.term.number,
      disk: this.#replica.diskState(),
      dirtyBytes: Math.max(0, ...peers.map(({ dirtyBytes }) => dirtyBytes)),
      frozen: freezeReason !== null,
      freezeReason,
      heldWrites: primary?.heldWrites ?? 0,
      inSyncSet: state.set.members,
      setVersion: state.set.version,
      ioErrors: this.#disk.ioErrors,
      remappedSectors: this.#disk.remappedBlocks,
      ...(this.#checksums === undefined ? {} : { checksumErrors: this.#checksums.mismatchCount }),
      ...(this.rescue?.problem === undefined ? {} : { rescueProblem: this.rescue.problem }),
      attached: null,
      generation: { current: state.generations.current, history: state.generations.history },
      peers,
    };
  }

  #promoteAgain(primary: Primary, request: PromoteRequest, done: Done): void {
    const { granted } = request;
    if (granted === undefined || granted.term.number === primary.term.number) return done(undefined);
    if (granted.term.number < primary.term.number)
      return done(new EterneError('refused', `this node serves term ${primary.term.number} already`));
    this.demote((error) => (error === undefined ? this.promote(request, done) : done(error)));
  }

  #serve(term: Term, needsLease: boolean): void {
    const primary = new Primary(
      {
        world: this.#world,
        config: this.config,
        metadata: this.#metadata,
        disk: this.#disk,
        locks: this.#replica.locks,
        slabs: this.#replica.slabs,
        mirrors: this.#peers,
        arbiter: this.#arbiter,
        term,
        firstEpoch: this.#replica.unsettled.epoch + 1,
        needsLease,
      },
      {
        statusChanged: () => this.#changed(),
        announce: () => {
          this.#announcer.announce();
          this.#world.timers.soon(() => this.#moveAway());
        },
        diverged: () => this.#levelSoon(),
        level: () => this.#level(),
        localBack: () => this.#meetAgain(),
        ended: (reason, unsettled) => {
          this.#world.log('warn', `volume ${this.config.name}: term ${term.number} has ended: ${reason}`);
          this.#windUp(primary, unsettled);
        },
      },
    );
    this.#replica.primary = primary;
    const lacksBlocks = this.#metadata.state.diskState === 'Inconsistent';
    if (lacksBlocks && this.#disk.failure === undefined) this.#disk.lacksBlocks();
    const lease = this.#lease;
    if (lease !== undefined && lease.validUntilBootMs > this.#world.clock.bootMs())
      primary.setLease(lease.validUntilBootMs, lease.graceMs);
    this.#lease = undefined;
    primary.start();
    this.#changed();
  }

  /** An abrupt end: sessions go, local writes leave the store, then what is dirty becomes durable. */
  #windUp(primary: Primary, unsettled: boolean): void {
    this.#replica.changingRole = true;
    this.#changed();
    for (const peer of this.#peers) peer.reset('the term has ended');
    this.#disk.own.whenIdle(() => this.#stepDown(primary, unsettled));
  }

  #stepDown(primary: Primary, unsettled: boolean): void {
    this.#replica.changingRole = true;
    const { activityLog } = this.#metadata;
    const epoch = primary.nextEpoch - 1;
    this.#disk.flush((flushError) => {
      this.#metadata.persistBitmaps((bitmapError) => {
        if (flushError === undefined && bitmapError === undefined) activityLog.flushedUpTo(epoch);
        const change = (state: MetadataState): MetadataState => ({
          ...state,
          role: 'secondary',
          crashedPrimary: state.crashedPrimary || unsettled,
        });
        this.#metadata.update(change, (error) => {
          const problem = flushError?.message ?? bitmapError?.message ?? error?.message;
          // Nothing is lost by that: the next opening finds an unclean end and acts on it.
          if (problem !== undefined)
            this.#world.log('error', `volume ${this.config.name}: stepping down: ${problem}`);
          this.#metadata.voidActivityLog(() => this.#steppedDown(primary));
        });
      });
    });
  }

  #steppedDown(primary: Primary): void {
    assert(this.#replica.primary === primary, 'the term that ends is the one that was served');
    this.#replica.unsettled.epoch = primary.nextEpoch;
    this.#metadata.activityLog.onStarved(() => this.#replica.starved());
    this.#replica.primary = undefined;
    this.#replica.changingRole = false;
    // As a secondary it is an Inconsistent replica like any other, whose missing blocks are marked.
    const wasFailed = this.#disk.failure !== undefined;
    if (this.#disk.isRebuilding) this.#disk.rebuilt();
    // The source of what is missing here is told before it is left: it is to serve now.
    const sources = this.#peers.filter(({ session }) => session?.isBorrower === true);
    const leave = (peer: Peer): void => peer.reset('the disk is not whole');
    if (wasFailed) this.#peers.filter((peer) => !sources.includes(peer)).forEach(leave);
    // Of two nobody else is told who is equal: the peer, met anew, could not be promoted before the session is back.
    else if (this.#replica.hasThirdParties) this.#level();
    this.#changed();
    // A switch-over goes on at the other side as soon as the answer is out: it must know by then.
    this.#announcer.announce(() => {
      if (wasFailed) sources.forEach(leave);
      this.#roleSettled();
    });
  }

  #roleSettled(): void {
    for (const then of this.#onRoleSettled.splice(0)) then();
  }

  /**
   * From now on a primary's bits tell what this disk lacks. A copy from it would clear them, and what is written would be left for it to bring: peers that are not
   * equal yet are let go, and wait for a source. Those that are serve in its place.
   */
  #diskFailed(reason: string): void {
    this.#world.log('error', `volume ${this.config.name}: the disk has failed: ${reason}`);
    const { primary } = this.#replica;
    primary?.localLost();
    for (const peer of this.#peers) {
      if (primary === undefined || peer.link?.isEqual !== true) peer.reset('the disk has failed');
      else peer.session?.verification?.cutShort(`the disk of ${this.config.node} has failed`);
    }
    this.#changed();
  }

  /** The failed disk has left the set: whoever is in it has everything, and is to serve where the configuration says so. */
  #moveAway(): void {
    const { primary } = this.#replica;
    const { name, node, onDiskError } = this.config;
    if (onDiskError !== 'move' || this.#disk.failure === undefined) return;
    if (this.#disk.isDetached || this.#disk.isRebuilding) return;
    if (primary === undefined || primary.closed || primary.set.members.includes(node)) return;
    this.#world.log(
      'warn',
      `volume ${name}: the disk has failed: stepping down, so that another node serves`,
    );
    this.demote(() => {});
  }

  /** A replica that has everything: one in step when this node serves, otherwise the primary that this one follows. */
  #goodSource(offset: number, lengthBytes: number): GoodSource | undefined {
    const { primary } = this.#replica;
    if (primary !== undefined) return primary.sources(offset, lengthBytes)[0];
    const isGood = ({ session }: Peer): boolean =>
      session?.peerRole === 'primary' && session.isEqual && !session.isLender;
    return this.#peers.find(isGood)?.session;
  }

  /** Who has a block that this replica does not: as above, and while it is copied to, whoever it is copied from. */
  #fillSource(offset: number, lengthBytes: number): GoodSource | undefined {
    const source = this.#peers.find(
      ({ bitmap, session }) => session?.phase === 'target' && !bitmap.anyDirty(offset, lengthBytes),
    );
    return source?.session ?? this.#goodSource(offset, lengthBytes);
  }

  /** Counts what is put where it could not be read, or was not known. */
  #repairGauge(): Gauge {
    return this.#replica.primary === undefined ? this.#replica.repairs : this.#disk.own;
  }

  /** Peers that found no source here while the disk was not whole. */
  #meetAgain(): void {
    for (const peer of this.#peers)
      if (peer.link === undefined) peer.reset('the disk of this node is whole again');
  }

  /** Blocks that a peer in step has and this replica refused: a new session copies them over the peer's. */
  #levelSoon(): void {
    // Whoever is being copied to, or repaired, may be about to clear the very bits that were just set: they must not outlive that.
    for (const peer of this.#peers) {
      if (peer.link?.isEqual === false) peer.reset(REFUSED_HERE);
      else peer.session?.verification?.cutRepairShort(REFUSED_HERE);
    }
    if (this.#replica.isLevelling) return;
    this.#replica.isLevelling = true;
    this.#world.timers.after(LEVEL_DELAY_MS, () => {
      this.#level();
      this.#replica.isLevelling = false;
    });
  }

  /**
   * Whoever took what was refused here is no equal, and must not be taken for one, by others that are told or by the next primary. When this disk has failed bits tell what
   * it lacks itself, and the peers serve in its place. What a verify has marked waits for whoever asked for that.
   */
  #level(): void {
    if (!this.#replica.isLevelling || this.#disk.failure !== undefined) return;
    for (const peer of this.#peers)
      if (peer.link?.isEqual === true && peer.bitmap.dirtyBlocks > 0) peer.reset(REFUSED_HERE);
  }

  /** DESIGN §4: never a disk error. Whoever holds the reservation may be writing: this node stops at once. */
  #reservationLost(reason: string): void {
    const { primary } = this.#replica;
    if (primary !== undefined) primary.end(`the device is reserved by somebody else: ${reason}`);
    else for (const peer of this.#peers) peer.reset('the device is reserved by somebody else');
  }

  #withPeer(peerNode: string, done: Done, act: (peer: Peer) => void): void {
    const peer = this.#peers.find(({ node, isRetired }) => node === peerNode && !isRetired);
    if (peer === undefined)
      return done(new EterneError('not-found', `volume ${this.config.name} has no peer ${peerNode}`));
    act(peer);
    done(undefined);
  }

  #scheduleVerify(): void {
    const { name, verify } = this.config;
    if (verify === undefined || this.#closed) return;
    const begin = (): void => {
      if (this.#replica.primary === undefined) return;
      this.verify({ fast: false, repair: verify.repair }, (error) => {
        const outcome = error === undefined ? 'begins' : `could not begin: ${error.message}`;
        this.#world.log(
          error === undefined ? 'info' : 'warn',
          `volume ${name}: the scheduled verify ${outcome}`,
        );
      });
    };
    const { clock, timers } = this.#world;
    this.#scheduledVerify = new ScheduledVerify(clock, timers, parseSchedule(verify.schedule), begin);
  }

  /** Begins a job with one peer, or with all; one that could not begin anywhere has failed. */
  #onPeers(peerNode: string | undefined, request: VerifyJobRequest, done: Done): void {
    const wanted = ({ node }: Peer): boolean => peerNode === undefined || node === peerNode;
    const peers = this.#peers.filter((peer) => !peer.isRetired && wanted(peer));
    if (peers.length === 0)
      return done(new EterneError('not-found', `volume ${this.config.name} has no such peer`));
    const problems = peers.map((peer) => peer.startVerify(request));
    done(problems.includes(undefined) ? undefined : problems[0]);
  }

  #changed(): void {
    this.#announcer.peersMoved();
    this.rescue?.moved();
    if (this.#changeScheduled) return;
    this.#changeScheduled = true;
    this.#world.timers.soon(() => {
      this.#changeScheduled = false;
      if (!this.#closed) this.#replica.size.moved();
      for (const listener of this.#listeners) listener();
    });
  }
}

function refused(message: string): EterneError {
  return new EterneError('refused', message);
}

function busy(message: string): EterneError {
  return new EterneError('busy', message);
}
