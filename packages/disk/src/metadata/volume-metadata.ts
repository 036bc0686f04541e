/**
 * One replica's metadata, opened (`VolumeMetadata` in `api.ts`). Made by `open.ts`.
 *
 * Duties
 * 1. `state` is what the disk holds; a change is answered when it is durable (`superblock-driver.ts`).
 * 2. The first I/O error ends everything: each waiting call and each later one gets it, nothing more is written.
 * 3. `close` records a clean shutdown only when the activity log is settled; otherwise the next `openMetadata` treats this
 *    one as crashed and marks the hot extents. All bits are durable before that record is begun.
 */
import { EterneError, assert } from '@eterne/base';
import type { BlockStore, StoreError } from '@eterne/runtime';
import { makeRoom } from '../grow-store.ts';
import { ActivityLogDriver } from './activity-log.ts';
import type {
  ActivityLog,
  DirtyBitmap,
  MetadataDone,
  MetadataState,
  OpenMetadataOptions,
  Recovery,
  VolumeMetadata,
} from './api.ts';
import { MAX_PEERS } from './api.ts';
import { BitmapDriver } from './bitmap-driver.ts';
import { attached } from './incarnations.ts';
import type { PageWrite } from './committer.ts';
import { Committer } from './committer.ts';
import type { Layout } from './layout.ts';
import { layoutOf, UNDEFINED_SLOT } from './layout.ts';
import { SuperblockDriver } from './superblock-driver.ts';
import type { Superblock } from './superblock.ts';
import { peersNamedBy, unfitReason } from './superblock.ts';

interface Part {
  collect(): readonly PageWrite[];
  written(): void;
  fail(error: EterneError): void;
}

export class VolumeMetadataDriver implements VolumeMetadata {
  readonly volume: string;
  readonly node: string;
  readonly replicaUuid: string;
  readonly setLayout: string;
  recovery: Recovery = { created: false, unclean: false, hotExtents: [] };
  readonly #store: BlockStore;
  #layout: Layout;
  readonly #committer: Committer;
  readonly #superblock: SuperblockDriver;
  readonly #bitmaps = new Map<string, BitmapDriver>();
  readonly undefinedBlocks: BitmapDriver;
  #log: ActivityLogDriver | undefined;
  #failure: EterneError | undefined;
  #closing = false;
  readonly #onFailed: ((error: EterneError) => void)[] = [];

  /** `found` is the newest good superblock; `open.ts` then loads bitmaps and starts the log. */
  constructor(store: BlockStore, found: Superblock) {
    this.volume = found.volume;
    this.node = found.node;
    this.replicaUuid = found.replicaUuid;
    this.setLayout = found.setLayout;
    this.#store = store;
    this.#layout = layoutOf(found.sizeBytes);
    this.#committer = new Committer(store);
    this.#superblock = new SuperblockDriver(found, () => this.#committer.request());
    this.#addPart(this.#superblock);
    for (const peer of found.slots) this.#makeBitmap(peer);
    const request = (): void => this.#committer.request();
    this.undefinedBlocks = new BitmapDriver('', UNDEFINED_SLOT, this.#layout, this.replicaUuid, request);
    this.#addPart(this.undefinedBlocks);
  }

  get sizeBytes(): number {
    return this.#layout.volumeBytes;
  }

  get state(): MetadataState {
    return this.#superblock.durable.state;
  }

  get activityLog(): ActivityLog {
    assert(this.#log !== undefined, 'the log runs once the metadata is open');
    return this.#log;
  }

  /** In slot order. */
  get peers(): readonly string[] {
    return this.#superblock.latest.slots;
  }

  bitmap(peer: string): DirtyBitmap {
    return this.bitmapDriver(peer);
  }

  bitmapDriver(peer: string): BitmapDriver {
    const bitmap = this.#bitmaps.get(peer);
    assert(bitmap !== undefined, `no bitmap for unknown peer ${peer}`);
    return bitmap;
  }

  update(change: (state: MetadataState) => MetadataState, done: MetadataDone): void {
    const latest = this.#superblock.latest;
    const state = change(latest.state);
    const slots = this.#slotsFor(state);
    if (slots instanceof EterneError) {
      done(slots);
      return;
    }
    this.#superblock.set({ ...latest, state, slots }, done);
  }

  addPeer(peer: string, done: MetadataDone): void {
    this.update((state) => withPeers(state, [peer]), done);
  }

  persistBitmaps(done: MetadataDone): void {
    let unfinished = this.#bitmaps.size + 2;
    let firstError: EterneError | undefined = this.#failure;
    const finished = (error: EterneError | undefined): void => {
      firstError ??= error;
      unfinished -= 1;
      if (unfinished === 0) done(firstError);
    };
    for (const bitmap of this.#bitmaps.values()) bitmap.persist(finished);
    this.undefinedBlocks.persist(finished);
    finished(undefined);
  }

  /** Both slots before `done`: with one of them in the old epoch, losing the other would void transactions to come. */
  voidActivityLog(done: MetadataDone): void {
    const log = this.#log;
    if (log?.settled !== true) {
      done(this.#failure);
      return;
    }
    const latest = this.#superblock.latest;
    const logEpoch = (latest.logEpoch + 1) >>> 0;
    this.#superblock.setInBothSlots({ ...latest, logEpoch }, (error) => {
      if (error === undefined) log.restart(logEpoch);
      done(error);
    });
  }

  prepareGrowth(sizeBytes: number, done: MetadataDone): void {
    if (this.#failure !== undefined) return done(this.#failure);
    const endBytes = layoutOf(sizeBytes).totalBytes;
    makeRoom(this.#store, this.#layout.totalBytes, endBytes, (error) =>
      done(error && new EterneError('no-space', `the metadata cannot grow: ${error.message}`)),
    );
  }

  /** Both slots before `done`: nobody may be told of a size that the loss of one slot takes back. */
  grow(sizeBytes: number, isConfirmed: boolean, done: MetadataDone): void {
    const layout = layoutOf(sizeBytes);
    assert(sizeBytes >= this.sizeBytes, 'a volume only grows');
    assert(this.#store.sizeBytes >= layout.totalBytes, 'room was made before');
    const { latest } = this.#superblock;
    const createdBytes = latest.createdBytes === 0 ? latest.sizeBytes : latest.createdBytes;
    const state = { ...latest.state, unconfirmedBytes: isConfirmed ? 0 : sizeBytes };
    this.#superblock.setInBothSlots({ ...latest, sizeBytes, createdBytes, state }, (error) => {
      if (error === undefined) this.#grown(layout);
      done(error);
    });
  }

  #grown(layout: Layout): void {
    this.#layout = layout;
    for (const bitmap of this.#bitmaps.values()) bitmap.grow(layout);
    this.undefinedBlocks.grow(layout);
    this.#log?.grow(layout.extentCount);
  }

  onFailed(listener: (error: EterneError) => void): void {
    if (this.#failure === undefined) this.#onFailed.push(listener);
    else listener(this.#failure);
  }

  /** Opening's last step, after the bits of hot extents are durable: a new incarnation, and a log epoch that voids the old log. */
  beginIncarnation(
    { peers, random }: Pick<OpenMetadataOptions, 'peers' | 'random'>,
    done: MetadataDone,
  ): void {
    const latest = this.#superblock.latest;
    const crashed = latest.state.role === 'primary';
    const logEpoch = (latest.logEpoch + 1) >>> 0;
    const state: MetadataState = {
      ...withPeers(latest.state, peers),
      role: 'secondary',
      crashedPrimary: latest.state.crashedPrimary || crashed,
      ...attached(latest.state, random),
    };
    const slots = this.#slotsFor(state);
    if (slots instanceof EterneError) {
      done(slots);
      return;
    }
    this.#superblock.setInBothSlots({ ...latest, state, slots, logEpoch, clean: false }, (error) => {
      if (error === undefined) this.#startLog(logEpoch, latest.logSlots);
      done(error);
    });
  }

  close(done: MetadataDone): void {
    assert(!this.#closing, 'closed once');
    this.#closing = true;
    const finish = (error: EterneError | undefined): void => this.#store.close(() => done(error));
    this.persistBitmaps((error) => {
      const clean = this.#log?.settled === true;
      if (error !== undefined) finish(error);
      else this.#superblock.setInBothSlots({ ...this.#superblock.latest, clean }, finish);
    });
  }

  #startLog(epoch: number, slotCount: number): void {
    const identity = {
      replicaUuid: this.replicaUuid,
      epoch,
      slotCount,
      extentCount: this.#layout.extentCount,
    };
    this.#log = new ActivityLogDriver(identity, () => this.#committer.request());
    this.#addPart(this.#log);
  }

  /** The slot table for `state`, with bitmaps made for nodes it names for the first time. */
  #slotsFor(state: MetadataState): readonly string[] | EterneError {
    const known = this.#superblock.latest.slots;
    const fresh = peersNamedBy(state, this.node).filter((peer) => !known.includes(peer));
    const misfit = unfitReason(state, this.node);
    if (misfit !== undefined) return new EterneError('refused', `volume ${this.volume}: ${misfit}`);
    if (known.length + fresh.length > MAX_PEERS)
      return new EterneError('refused', `volume ${this.volume} already knows ${MAX_PEERS} peers`);
    const slots = [...known, ...fresh];
    for (const peer of fresh) this.#makeBitmap(peer, slots.indexOf(peer));
    return slots;
  }

  #makeBitmap(peer: string, slot = this.#bitmaps.size): void {
    const request = (): void => this.#committer.request();
    const bitmap = new BitmapDriver(peer, slot, this.#layout, this.replicaUuid, request);
    this.#bitmaps.set(peer, bitmap);
    this.#addPart(bitmap);
  }

  #addPart(part: Part): void {
    this.#committer.add({
      collect: () => part.collect(),
      written: () => part.written(),
      failed: (error) => {
        const failure = this.#fail(error);
        part.fail(failure);
      },
    });
  }

  #fail(error: StoreError): EterneError {
    if (this.#failure !== undefined) return this.#failure;
    const message = `metadata of volume ${this.volume} on ${this.node}: ${error.message}`;
    const failure = new EterneError('io', message, { cause: error });
    this.#failure = failure;
    for (const listener of this.#onFailed) listener(failure);
    return failure;
  }
}

/** `state` with `peers` among the known ones. */
export function withPeers(state: MetadataState, peers: readonly string[]): MetadataState {
  const fresh = peers.filter((peer) => !Object.hasOwn(state.peerIncarnations, peer));
  const added = Object.fromEntries(fresh.map((peer) => [peer, 0]));
  return { ...state, peerIncarnations: { ...state.peerIncarnations, ...added } };
}
