import type { World } from '@eterne/runtime';
import type { ReplicaSummary, VolumeMetadata } from '../metadata/index.ts';
import type { DiskState, Role, Term, VolumeConfig } from './api.ts';
import { BufferSlabs } from './buffer-slabs.ts';
import { Gauge } from './gauge.ts';
import type { Invalidation } from './invalidate.ts';
import type { Peer } from './link/peer.ts';
import { Unsettled } from './link/unsettled.ts';
import type { LocalDisk } from './local-disk.ts';
import type { Primary } from './primary/primary.ts';
import type { Promotion } from './promotion.ts';
import type { RescueKeeper } from './rescue-keeper.ts';
import { VolumeSize } from './resize/volume-size.ts';
import { RangeLocks } from './range-locks.ts';

/** What the parts of one opened volume share: its stores, its order of writes, and what this replica is at the moment. */
export class Replica {
  readonly world: World;
  readonly config: VolumeConfig;
  readonly metadata: VolumeMetadata;
  readonly disk: LocalDisk;
  /** Everything that writes to the disk, whoever asks, goes through these, so that overlapping writes have one order. */
  readonly locks = new RangeLocks();
  readonly slabs = new BufferSlabs();
  /** In the order of their bits; only ever added to. */
  readonly peers: Peer[] = [];
  readonly unsettled = new Unsettled();
  /** The serving primary, or the one whose term is being wound up. */
  primary: Primary | undefined;
  /** Blocks from a good replica that a secondary puts where it could not read. */
  readonly repairs: Gauge;
  /** Changes of the metadata that sessions have begun, also of sessions that are gone by now. */
  readonly duties = new Gauge();
  /** A promotion, demotion or step-down is under way: no handshake now. */
  changingRole = false;
  /** Peers that count as equal have what was refused here, and are about to be met anew. */
  isLevelling = false;
  /** The promotion under way, which a peer's own may conflict with. */
  roleChange: Promotion | undefined;
  /** This replica is to be given up as soon as it has met whoever serves once more. */
  invalidation: Invalidation | undefined;
  /** Does a connected peer other than this one serve the volume? */
  isServedBeside: (peer: string) => boolean = () => false;
  readonly size: VolumeSize;
  /** Where one is configured. */
  rescue: RescueKeeper | undefined;
  readonly arbiterIsLocal: boolean;
  readonly #onChange: () => void;

  constructor(
    world: World,
    config: VolumeConfig,
    metadata: VolumeMetadata,
    disk: LocalDisk,
    arbiterIsLocal: boolean,
    onChange: () => void,
  ) {
    this.world = world;
    this.config = config;
    this.metadata = metadata;
    this.disk = disk;
    this.repairs = new Gauge(disk.foreign);
    this.arbiterIsLocal = arbiterIsLocal;
    this.#onChange = onChange;
    this.size = new VolumeSize(this);
  }

  /** Of the volume now: all replicas have agreed on it. */
  get sizeBytes(): number {
    return this.metadata.sizeBytes;
  }

  get role(): Role {
    return this.primary === undefined ? 'secondary' : 'primary';
  }

  /** Two replicas know everything from each other; with three, a secondary has duties towards the third. */
  get hasThirdParties(): boolean {
    return this.peers.length > 1;
  }

  /** The primary that this replica is connected to, or is; empty: none. */
  get follows(): string {
    return this.primary === undefined ? (this.#leader()?.node ?? '') : this.config.node;
  }

  /** Status has changed. */
  changed(): void {
    this.#onChange();
  }

  /** What the disk is worth. */
  diskState(): DiskState {
    if (this.disk.isDetached) return 'Diskless';
    if (this.disk.isRebuilding) return 'Inconsistent';
    if (this.disk.failure !== undefined) return 'Failed';
    const { diskState } = this.metadata.state;
    if (diskState === 'Inconsistent' || diskState === 'Outdated') return diskState;
    if (this.primary !== undefined || this.#isInStep()) return 'UpToDate';
    return this.isCertain ? 'UpToDate' : 'Consistent';
  }

  /**
   * Nobody else can have gone on: alone in the set, or the survivor of a pair whose primary waits for this replica (`onPeerLost: freeze`). Whoever was
   * primary last may be outlived by exactly such a survivor, and of three replicas two could survive: they are not certain.
   */
  get isCertain(): boolean {
    const { diskState, set, term } = this.metadata.state;
    if (diskState !== 'UpToDate' || !set.members.includes(this.config.node)) return false;
    const others = this.#others(set.members);
    if (others.length === 0) return true;
    return others.length === 1 && term.grantor !== this.config.node && others[0]?.waitsWhenLost === true;
  }

  /** Equal to the primary; or, when there is none, to every other member of the set. */
  #isInStep(): boolean {
    const { members } = this.metadata.state.set;
    const leader = this.#leader();
    // An asynchronous set has no member but the primary; whoever follows it without a gap is as good as can be.
    if (this.config.mode === 'async' && leader !== undefined) return leader.session?.isEqual === true;
    if (!members.includes(this.config.node)) return false;
    if (leader !== undefined) return members.includes(leader.node) && leader.session?.isEqual === true;
    const others = this.#others(members);
    return others.length > 0 && others.every((peer) => peer?.session?.isAlike === true);
  }

  /** Undefined for a member that is no peer (any more). */
  #others(members: readonly string[]): (Peer | undefined)[] {
    return members
      .filter((member) => member !== this.config.node)
      .map((member) => this.peers.find(({ node }) => node === member));
  }

  #leader(): Peer | undefined {
    return this.peers.find((peer) => peer.session?.peerRole === 'primary');
  }

  /**
   * The primary that this replica followed is gone. The survivors may differ in what was not settled: it is dirty for all of them, and
   * sessions in which they believed to be equal, or waited for that primary, begin anew.
   */
  leaderLost(leader: Peer): void {
    const { peers, unsettled } = this;
    if (!this.hasThirdParties || this.primary !== undefined) return;
    for (const { bitmap } of peers)
      unsettled.forEachRun((offset, lengthBytes) => bitmap.markDirty(offset, lengthBytes));
    this.#letGo(unsettled.clear());
    // Writes that the store is still at work on leave the activity log in a later epoch.
    leader.foreign.whenIdle(() => this.#letGo(unsettled.clear()));
    for (const peer of peers) {
      const phase = peer.session?.phase;
      const hasOtherSize = peer.session !== undefined && peer.session.peerSizeBytes !== this.sizeBytes;
      const isInDoubt = phase === 'established' && (peer.bitmap.dirtyBlocks > 0 || hasOtherSize);
      if (peer !== leader && (phase === 'waiting' || isInDoubt)) peer.reset(`${leader.node} is lost`);
    }
  }

  /** Blocks that some replica may lack, or have in a volatile cache only: the primary's own account, or what a primary told. */
  forEachUnsettled(each: (offset: number, lengthBytes: number) => void): void {
    if (this.primary === undefined) this.unsettled.forEachRun(each);
    else this.primary.forEachUnsettled(each);
  }

  /** SETTLED: the writes before FLUSH `round` are durable on every replica that the primary reaches. */
  settled(round: number): void {
    const epoch = this.unsettled.settle(round);
    if (epoch !== undefined) this.#letGo(epoch);
    else this.metadata.activityLog.flushedNothing();
  }

  /** A secondary's activity log is full: only its primary can have everything settled. */
  starved(): void {
    this.#leader()?.session?.sendStarved();
  }

  /** Ends sessions of `keep`'s rivals for the role, and calls `then` when nothing of theirs is on its way to the disk (invariant 2). */
  endRivals(term: Term, keep: Peer, then: () => void): void {
    const others = this.peers.filter((peer) => peer !== keep);
    for (const peer of others)
      if (peer.session?.isRival(term) === true) peer.reset(`${keep.node} is primary of term ${term.number}`);
    whenAllIdle([this.repairs, ...others.map(({ foreign }) => foreign)], then);
  }

  #letGo(epoch: number): void {
    this.duties.enter();
    this.metadata.persistBitmaps((error) => {
      if (error === undefined) this.metadata.activityLog.flushedUpTo(epoch);
      this.duties.leave();
    });
  }

  /** `discards`: the node whose changes the operator told this side to throw away. */
  summaryFor(peer: string, discards: string): ReplicaSummary {
    const { state, replicaUuid, setLayout, sizeBytes } = this.metadata;
    return {
      node: this.config.node,
      sizeBytes,
      volumeUuid: state.volumeUuid,
      replicaUuid,
      setLayout,
      term: state.term,
      set: state.set,
      incarnation: state.incarnation,
      formerIncarnations: state.formerIncarnations,
      witnessedIncarnation: state.peerIncarnations[peer] ?? 0,
      diskState: this.disk.failure === undefined ? state.diskState : 'Failed',
      role: this.role,
      justCreated: state.justCreated,
      crashedPrimary: state.crashedPrimary,
      generations: state.generations,
      undoneSync: state.undoneSync,
      dirtyBlocks: this.metadata.bitmap(peer).dirtyBlocks,
      skipInitialSync: this.config.initialSync === 'none',
      splitBrain: {
        actions: this.config.splitBrain,
        promotedAtWallMs: state.promotedAtWallMs,
        discards,
      },
    };
  }

  /**
   * Calls `then` once nothing of an earlier session or term is on its way to disk or metadata. `meeting`: for a handshake with that
   * peer; what a present primary of the present term writes meanwhile does not matter.
   */
  whenQuiet(then: () => void, meeting?: Peer): void {
    const isPresent = (peer: Peer): boolean =>
      meeting !== undefined && peer !== meeting && peer.session?.isCurrentLeader === true;
    const busy = [
      ...this.peers.filter((peer) => !isPresent(peer)).map(({ foreign }) => foreign),
      this.repairs,
      this.duties,
      ...(this.primary === undefined ? [this.disk.own] : []),
    ].find((gauge) => gauge.count > 0);
    if (busy === undefined) then();
    else busy.whenIdle(() => this.whenQuiet(then, meeting));
  }
}

function whenAllIdle(gauges: readonly Gauge[], then: () => void): void {
  const busy = gauges.find(({ count }) => count > 0);
  if (busy === undefined) then();
  else busy.whenIdle(() => whenAllIdle(gauges, then));
}
