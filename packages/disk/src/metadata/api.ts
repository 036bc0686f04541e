/**
 * What the mirror engine sees of a replica's metadata: superblock, dirty bitmaps, activity log. DESIGN §4,
 * `docs/internals/disk-format.md`. Everything is callback style; callbacks may run before the call returns.
 *
 * Units: offsets and lengths are bytes; a *block* is 4 KiB of the volume (one bitmap bit), an *extent* 4 MiB (one
 * activity-log slot). Ranges are rounded outwards when marked and must be whole blocks when cleared.
 */
import type { BlockNumber, EterneError, ExtentNumber } from '@eterne/base';
import type { BlockStore, Random } from '@eterne/runtime';
import type { DiskState, InSyncSet, SplitBrainActions, Term } from '../engine/api.ts';

export const BLOCK_BYTES = 4096;
export const EXTENT_BYTES = 4 * 1024 * 1024;
/** Peers that one replica can know, ever; each has its own bitmap. */
export const MAX_PEERS = 32;
export const HISTORY_LENGTH = 32;
/** Bytes of UTF-8 in a volume, node or grantor name. */
export const MAX_NAME_BYTES = 63;

/** Lower-case RFC 9562 text form; `NIL_UUID` means "none". */
export type Uuid = string;
export const NIL_UUID: Uuid = '00000000-0000-0000-0000-000000000000';

/** Data generations of one replica. Pure transitions are in `generations.ts`. */
export interface Generations {
  /** What this replica's content is called. NIL only before the first promotion or first sync. */
  readonly current: Uuid;
  /** Peer → the generation that peer had when the bits for it began to be kept; NIL or absent: no bits are needed for it. */
  readonly bitmaps: Readonly<Record<string, Uuid>>;
  /** Newest first, at most 32, no NIL, no repeats. */
  readonly history: readonly Uuid[];
}

/** Everything in the superblock that the engine may change. Plain immutable data: change it by `VolumeMetadata.update`. */
export interface MetadataState {
  /** Identity of the volume, the same on every replica; NIL until the first promotion mints it or a sync brings it. */
  readonly volumeUuid: Uuid;
  readonly diskState: 'Inconsistent' | 'Outdated' | 'Consistent' | 'UpToDate';
  /** Created and never yet promoted nor synchronised. */
  readonly justCreated: boolean;
  /** `primary` from before the first write of a term is served until a clean demotion. */
  readonly role: 'primary' | 'secondary';
  /**
   * It was primary when it crashed (set by `openMetadata`), or stepped down with writes that were not settled (set by the
   * engine). The bits of those writes are in the bitmaps. Cleared when a sync has made the copies equal.
   */
  readonly crashedPrimary: boolean;
  /** Wall clock at its newest promotion, milliseconds since 1970; 0: never. Orders promotions after a split brain, and nothing else. */
  readonly promotedAtWallMs: number;
  /**
   * The name of a copy into this replica that was undone (`rescue/roll-back.ts`): its source's bits, with this replica's for it, cover
   * the difference, as if the content still had that name. NIL: none; void as soon as the content goes on from here.
   */
  readonly undoneSync: Uuid;
  /**
   * The rescue journal (`rescue/`) that has saved, ever since its points began, what was overwritten: only its points are whole. NIL: none; durable
   * before the first block is overwritten that was not saved.
   */
  readonly rescueJournal: Uuid;
  /**
   * This replica has grown to so many bytes, and does not know yet that every member of the set has (`engine/resize/`): it does not serve before it is certain
   * of that. 0: it is, of the size that it has; otherwise always that size.
   */
  readonly unconfirmedBytes: number;
  /** Highest term seen, from any source. */
  readonly term: Term;
  readonly set: InSyncSet;
  /** A new one with every `openMetadata`, and the last ones before it, newest first (`incarnations.ts`). */
  readonly incarnation: number;
  readonly formerIncarnations: readonly number[];
  readonly generations: Generations;
  /** Peer → the newest incarnation of it that this replica has witnessed. The keys are the known peers. */
  readonly peerIncarnations: Readonly<Record<string, number>>;
}

export interface DirtyRange {
  readonly firstBlock: BlockNumber;
  readonly blockCount: number;
}

export type MetadataDone = (error: EterneError | undefined) => void;

/**
 * Which blocks may differ on one peer. Marking, clearing and asking are pure memory; `persist` makes the content durable.
 * Invariant 3: the bitmap always covers the true difference. A mark counts only after `persist` is done, unless the
 * activity log covers the write. A bit may be cleared only after the target has flushed the block.
 */
export interface DirtyBitmap {
  readonly peer: string;
  readonly blockCount: number;
  readonly dirtyBlocks: number;
  readonly dirtyBytes: number;
  /** True while some change is not yet durable. */
  readonly needsPersist: boolean;
  /** Marks every block that the byte range touches. Returns how many were clean before. */
  markDirty(offset: number, lengthBytes: number): number;
  markAll(): void;
  /** Marks all that `other` (of the same volume) has marked. */
  union(other: DirtyBitmap): void;
  /** Clears whole blocks (the volume's short last block counts as whole). Only after the target's flush. Returns how many were dirty. */
  clear(offset: number, lengthBytes: number): number;
  isDirty(block: BlockNumber): boolean;
  anyDirty(offset: number, lengthBytes: number): boolean;
  /** The first dirty run at or after `from`, at most `maxBlocks` long; undefined when there is none up to the end. */
  nextDirty(from: BlockNumber, maxBlocks: number): DirtyRange | undefined;
  /** Everything marked and cleared before this call becomes durable, then `done`. Calls at the same time share one flush. */
  persist(done: MetadataDone): void;
}

/**
 * The on-disk record of extents with writes possibly in flight. Life of a write:
 * 1. `tryTouch` (hot: a few array reads) or, when false, `touch`, which makes the extents hot by one durable transaction;
 * 2. data is written locally and on the peers;
 * 3. `release` with the engine's current flush epoch, when the write is complete everywhere or its peer is given up.
 * An extent may leave when nothing in it is in flight and its last epoch is flushed (`flushedUpTo`).
 */
export interface ActivityLog {
  readonly slotCount: number;
  readonly hotCount: number;
  /** Takes a reference on every extent of the range if all are hot; otherwise takes nothing and returns false. No allocation. */
  tryTouch(offset: number, lengthBytes: number): boolean;
  /** As `tryTouch`, after making the range hot. Served in order of arrival; waits (see `onStarved`) when no slot can be freed. */
  touch(offset: number, lengthBytes: number, ready: MetadataDone): void;
  /** Gives the references back. `epoch`: the flush epoch whose flush covers the write; of the writes to an extent the highest counts. */
  release(offset: number, lengthBytes: number, epoch: number): void;
  /**
   * Every connected replica (this one too) has durably all writes released with epoch ≤ `epoch`, and the bits for the
   * peers that lack any of them are durable.
   */
  flushedUpTo(epoch: number): void;
  /** A flush of every replica is over, and what it covers does not raise `flushedUpTo`: whoever still waits is starved anew. */
  flushedNothing(): void;
  /** Called when a `touch` waits and a flush of every replica would let an extent leave. At most once until `flushedUpTo` or `flushedNothing`. */
  onStarved(listener: () => void): void;
}

/** What `openMetadata` found and already made safe (see its duties). */
export interface Recovery {
  readonly created: boolean;
  /** The last user of this store did not close it. */
  readonly unclean: boolean;
  /** Extents that were hot then; already marked dirty, durably, for every known peer. `all`: the log was unreadable. */
  readonly hotExtents: readonly ExtentNumber[] | 'all';
}

/** One replica's metadata, opened. After any I/O error it stays failed: `onFailed` fires once (at once when it has failed already) and every later call gets that error. */
export interface VolumeMetadata {
  readonly volume: string;
  readonly node: string;
  /** Of the volume. Changed by `grow`, and by nothing else. */
  readonly sizeBytes: number;
  /** Random at creation: which physical copy this is. */
  readonly replicaUuid: Uuid;
  /** Which volumes a mirror set has, and where each begins; NIL: it is a volume by itself. */
  readonly setLayout: Uuid;
  readonly recovery: Recovery;
  /** The newest *durable* state. */
  readonly state: MetadataState;
  readonly activityLog: ActivityLog;
  /**
   * `change` is applied at once to the newest requested state; `done` when that is durable. Coalesced; done in order.
   * `refused`, and nothing changes, when the new state cannot be kept: names that are empty or too long, numbers out of range, a
   * full peer table. It may come from a peer, so this is no assertion.
   */
  update(change: (state: MetadataState) => MetadataState, done: MetadataDone): void;
  /** The bitmap for `peer`; a broken invariant for an unknown one (see `addPeer`). */
  bitmap(peer: string): DirtyBitmap;
  /**
   * Blocks whose content this replica does not have, because no file system used them when everything was copied to it. Its form is a
   * bitmap's: `markDirty` makes blocks undefined, `clear` defined. A block that was written whole may stay marked after a crash.
   */
  readonly undefinedBlocks: DirtyBitmap;
  readonly peers: readonly string[];
  /**
   * Gives `peer` a slot, durably (those named to `openMetadata` have one; `update` gives one to any node that the
   * new state names). `refused` when all 32 are taken.
   */
  addPeer(peer: string, done: MetadataDone): void;
  /** Makes every bitmap, and the undefined blocks, durable with as few flushes as possible. */
  persistBitmaps(done: MetadataDone): void;
  /**
   * Forgets, durably, which extents were hot, so that a crash from here on marks nothing. Does nothing unless every write is released
   * and flushed. No `touch` before `done`.
   */
  voidActivityLog(done: MetadataDone): void;
  /** Makes room for a volume of this size, durably; the volume itself stays as it is. May be repeated. `no-space` where there is none. */
  prepareGrowth(sizeBytes: number, done: MetadataDone): void;
  /** After `prepareGrowth`: the volume has this size, durably in both slots; what was added is clean for every peer. */
  grow(sizeBytes: number, isConfirmed: boolean, done: MetadataDone): void;
  onFailed(listener: (error: EterneError) => void): void;
  /** The engine has drained: persists everything, records a clean shutdown, closes the store. */
  close(done: MetadataDone): void;
}

export interface OpenMetadataOptions {
  /** Opened exclusively by the caller, at least `metadataBytes(sizeBytes)` (`layout.ts`) long (create it sparse); owned from now on. */
  readonly store: BlockStore;
  readonly random: Random;
  readonly volume: string;
  readonly node: string;
  /** At creation. What was created has its own size; `conflict` when this is none that it can have had since. */
  readonly sizeBytes: number;
  /** Of a mirror set. */
  readonly setLayout?: Uuid;
  /** Names that must have a slot. */
  readonly peers: readonly string[];
  /** Hot extents at most, fixed at creation; `DEFAULT_LOG_SLOTS` when absent. */
  readonly activityLogSlots?: number;
}

/** What one replica tells another at the handshake; input of `decideHandshake` in `handshake.ts`. */
export interface ReplicaSummary {
  readonly node: string;
  readonly sizeBytes: number;
  readonly volumeUuid: Uuid;
  readonly replicaUuid: Uuid;
  /** Of a mirror set; NIL: a volume by itself. */
  readonly setLayout: Uuid;
  readonly term: Term;
  readonly set: InSyncSet;
  readonly incarnation: number;
  readonly formerIncarnations: readonly number[];
  /** The newest incarnation of the *other* side that this side has witnessed (0: never met). */
  readonly witnessedIncarnation: number;
  readonly diskState: DiskState;
  readonly role: 'primary' | 'secondary';
  readonly justCreated: boolean;
  readonly crashedPrimary: boolean;
  readonly generations: Generations;
  readonly undoneSync: Uuid;
  /** Blocks dirty for the other side. */
  readonly dirtyBlocks: number;
  /** Configured `initialSync: none`: the operator says that fresh replicas are equal already. */
  readonly skipInitialSync: boolean;
  readonly splitBrain: SplitBrainTerms;
}

/** What this side brings to the settling of a split brain (`engine/split-brain/settle.ts`). */
export interface SplitBrainTerms {
  /** Configured. A policy counts only where both sides have the same. */
  readonly actions: SplitBrainActions;
  readonly promotedAtWallMs: number;
  /** The node whose changes the operator told this side to discard; empty: none. */
  readonly discards: string;
}

/** Row of the table in `docs/internals/handshake.md` that decided. */
export type HandshakeRow =
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '8 wait'
  | '9'
  | '9 unrelated'
  | '10'
  | '10 wait'
  | '10 split brain'
  | '10 two grantors'
  | '11'
  | '11 two primaries'
  | '12'
  | '12 both'
  | '13'
  | '14 bitmap'
  | '14 full'
  | '14 split brain'
  | '15'
  | '16'
  | 'discard';

/**
 * The handshake's outcome, the same on both sides. `decideHandshake(mine, theirs): HandshakeDecision` is pure and symmetric.
 * - `none`: the copies are equal; no bit is cleared. `adopt`: both were just created and are equal by the operator's word:
 *   both take this generation as current.
 * - `wait`: both just created; nothing to copy until one is promoted.
 * - `sync`: `bitmap` copies the union of both sides' bitmaps for each other; `full` copies everything.
 *   `discards`: it throws away changes of the target that may have been acknowledged.
 * - `split-brain`: both have changes the other lacks: policy or operator. `victim`: settled, as soon as that node is primary no more.
 * - `unrelated`, `refuse`: no link; `reason` says why.
 */
export type HandshakeDecision = HandshakeOutcome & { readonly row: HandshakeRow };
export type HandshakeOutcome =
  | { readonly kind: 'none'; readonly reason: string; readonly adopt?: Uuid }
  | { readonly kind: 'wait'; readonly reason: string }
  | {
      readonly kind: 'sync';
      readonly source: string;
      readonly target: string;
      readonly extent: 'bitmap' | 'full';
      readonly reason: string;
      readonly discards?: true;
    }
  | { readonly kind: 'split-brain'; readonly reason: string; readonly victim?: string }
  | { readonly kind: 'unrelated'; readonly reason: string }
  | { readonly kind: 'refuse'; readonly reason: string };
