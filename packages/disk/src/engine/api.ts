/** What the rest of Eterne sees of one mirrored volume on one node. DESIGN §4. */
import type { EterneError } from '@eterne/base';
import type { Address, BlockDevice, Stream, TlsIdentity } from '@eterne/runtime';
import type { MetadataState } from '../metadata/api.ts';
import type { PathNote } from '../protocol/wire.ts';
import type { RescueConfig, RescueControl } from '../rescue/api.ts';
import type { SetMember } from './set/members.ts';
import type { SplitBrainReport } from './split-brain/report.ts';

/** The right to write, granted once and strictly rising; equal numbers from different grantors are a split brain. */
export interface Term {
  readonly number: number;
  readonly grantor: string;
}

/** The replicas that hold every acknowledged write. Only they may be promoted without force. */
export interface InSyncSet {
  readonly version: number;
  readonly members: readonly string[];
}

export const DISK_STATES = [
  'Diskless',
  'Failed',
  'Attaching',
  'Inconsistent',
  'Outdated',
  'Consistent',
  'UpToDate',
] as const;
export type DiskState = (typeof DISK_STATES)[number];
export type ConnectionState = 'StandAlone' | 'Connecting' | 'Connected';
export type ReplicationState =
  | 'Off'
  | 'Established'
  | 'SyncSource'
  | 'SyncTarget'
  | 'PausedSync'
  | 'VerifySource'
  | 'VerifyTarget'
  | 'Ahead'
  | 'Behind';
export type Role = 'primary' | 'secondary';
export type ReadPolicy = 'local' | 'round-robin' | 'least-pending' | 'striped';
export const SPLIT_BRAIN_ACTIONS = [
  'disconnect',
  'discard-younger-primary',
  'discard-older-primary',
  'discard-zero-changes',
  'discard-least-changes',
  'discard-local',
  'discard-remote',
] as const;
export type SplitBrainAction = (typeof SPLIT_BRAIN_ACTIONS)[number];

/** What is done about a split brain, by how many sides are primary when they meet again. */
export interface SplitBrainActions {
  readonly zeroPrimaries: SplitBrainAction;
  readonly onePrimary: SplitBrainAction;
  readonly twoPrimaries: SplitBrainAction;
}

/** Validated; the file's grammar and defaults are in `process/config.ts`. */
export interface VolumeConfig {
  readonly name: string;
  /** This node's name. */
  readonly node: string;
  /** When it is made, or at any time since; the volume's metadata says how large it is. */
  readonly sizeBytes: number;
  readonly mode: 'sync' | 'async';
  /** Of a mirror set: of its first volume, for messages. */
  readonly devicePath: string;
  /** Several local replicas instead of `devicePath`, by name (`joined/`). */
  readonly devices?: Readonly<Record<string, string>>;
  /** Of a mirror set (`set/members.ts`): its volumes, in order; `name` is the set's and `sizeBytes` that of all together. */
  readonly members?: readonly SetMember[];
  readonly metadataPath: string;
  /** Peer name → its replication addresses, one per path. */
  readonly peers: Readonly<Record<string, readonly Address[]>>;
  /** In a cluster: node name, this one's and peers', → which member has it now (`link/lives.ts`). Absent: whoever has the name is meant. */
  readonly lives?: Readonly<Record<string, string>>;
  readonly readPolicy: ReadPolicy;
  readonly initialSync: 'smart' | 'full' | 'none';
  readonly splitBrain: SplitBrainActions;
  readonly onPeerLost: 'continue' | 'freeze' | 'ask';
  /** With `ask`: who settles the loss (`process/asking-arbiter.ts`). */
  readonly peerLost?: { readonly command: readonly [string, ...string[]]; readonly timeoutMs: number };
  readonly resyncRate: { readonly minBytesPerSecond: number; readonly maxBytesPerSecond: number };
  /** Verifies that begin by themselves, on whoever is primary: five fields of crontab(5), UTC (`verify/cron.ts`). */
  readonly verify?: { readonly schedule: string; readonly repair: boolean };
  /** Asynchronous: how much may be on its way to a peer, and what happens then: the writer waits, or the peer is left behind. */
  readonly congestion: { readonly queueBytes: number; readonly policy: 'slow' | 'ahead' };
  readonly diskTimeoutMs: number;
  /** Absent: nothing that is overwritten by a copy is kept. */
  readonly rescueJournal?: RescueConfig;
  /** Of this node, for its links; absent: they are in clear. Never part of what is shown or compared. */
  readonly tls?: TlsIdentity;
  /** What is sent to peers. */
  readonly compress?: 'none' | 'zstd';
  /** Of the data sent to peers; everything else always has them. */
  readonly linkChecksums?: 'none' | 'crc32c';
  /** Of every block, in the metadata: which side has rotted is known then, and healed from the other. */
  readonly checksums?: 'none' | 'crc32c';
  /** Absent: a primary whose disk has failed is served by a peer. */
  readonly onDiskError?: 'serve-from-peer' | 'move';
}

/** The other replicas: what may change of a volume while it is open. */
export type Others = Pick<VolumeConfig, 'peers' | 'lives'>;

/** What a cluster has committed of a volume: who has the right to write, and which replicas hold everything that was acknowledged. */
export interface Grant {
  readonly term: Term;
  readonly set: InSyncSet;
}

/** A change of the in-sync set, proposed by the primary of `term` only. Compare-and-set on (volume, term, expectedVersion). */
export interface SetProposal {
  readonly volume: string;
  readonly term: Term;
  readonly expectedVersion: number;
  readonly members: readonly string[];
  /** Those of the present set that `members` leaves out. */
  readonly removed?: readonly string[];
  /** Which members of the cluster those are that `members` adds; absent: nobody has told. */
  readonly lives?: Readonly<Record<string, string>>;
  readonly reason: string;
}

export type SetAnswer =
  | { readonly kind: 'committed'; readonly set: InSyncSet }
  /** This node may not decide it (isolated, older term, version moved): freeze and step down. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Standalone `onPeerLost: freeze`, or `ask` without an answer: nothing changes; hold all I/O until the lost replica is back and equal. */
  | { readonly kind: 'hold'; readonly reason: string };

/**
 * Who settles the loss or return of a replica: the cluster service, or local policy when standalone. Answers
 * once; while the outcome is unknown it stays silent (the engine goes on holding, and needs the larger set).
 */
export interface Arbiter {
  /** Nobody promotes but the operator (standalone): replicas that meet settle by themselves who copies from whom. */
  readonly isLocal?: boolean;
  /**
   * Under a cluster: the newest that it had committed when this replica was told to open, which a crash may have kept from it. Durable before a peer is met
   * (`engine/volume.ts`).
   */
  readonly committed?: Grant | undefined;
  propose(proposal: SetProposal, done: (answer: SetAnswer) => void): void;
}

export interface PromoteRequest {
  /** With `granted`: no lease limits the term, because whoever granted it ends with this process. */
  readonly withoutLease?: true;
  /** Standalone only: take it although this replica may not hold every acknowledged write. */
  readonly force: boolean;
  /** Standalone only: also while this replica is being copied to. What it lacks is read from, and goes on being copied from, the source. */
  readonly whileCopied?: boolean;
  /** From the cluster: the committed entry (term, set reduced to the reachable replicas). Absent: standalone. */
  readonly granted?: Grant;
}

export interface AttachRequest {
  /** The disk is another one, or nothing on it counts: everything is copied to it. */
  readonly replaced: boolean;
}

export interface ResyncStatus {
  readonly kind: 'none' | 'full' | 'smart' | 'bitmap' | 'checksum';
  readonly reason: string;
  readonly syncedBytes: number;
  readonly toSyncBytes: number;
  readonly wireBytes: number;
  readonly etaMs: number | null;
}

/** A verify under way. */
export interface VerifyProgress {
  readonly method: VerifyMethod;
  readonly checkedBytes: number;
  readonly totalBytes: number;
  readonly differingBytes: number;
  readonly etaMs: number | null;
}

/** `direct` compared bytes, `digest` digests, `fast` bitmaps and generations only, `repair` copied what was marked. */
export type VerifyMethod = 'direct' | 'digest' | 'fast' | 'repair';

export interface LastVerify {
  readonly method: VerifyMethod;
  /** False: it ended before every block was looked at, for `reason`. */
  readonly isDone: boolean;
  readonly reason: string;
  readonly checkedBytes: number;
  /** Blocks that differ, those included that were known to before. */
  readonly differingBytes: number;
  readonly wireBytes: number;
  /** Wall clock of this node, milliseconds since the epoch. */
  readonly endedWallMs: number;
}

export interface VerifyRequest {
  /** Absent: every peer. */
  readonly peer?: string;
  /** Bitmaps and generations only. */
  readonly fast: boolean;
  /** Copy what differs at once, from the primary. */
  readonly repair: boolean;
}

export interface PeerStatus {
  readonly node: string;
  /** In a cluster: which member is connected, or is meant, by that name (`VolumeConfig.lives`). */
  readonly life?: string;
  readonly connection: ConnectionState;
  readonly replication: ReplicationState;
  readonly disk: DiskState;
  readonly role: Role;
  readonly dirtyBytes: number;
  readonly lagBytes: number;
  readonly lagMs: number;
  readonly splitBrain: boolean;
  /** With `PausedSync`: why no copy into this replica goes on, and what has it go on. */
  readonly paused?: { readonly reason: string; readonly goesOn: string };
  /** Where there may be several connections: the remote addresses of those that live. */
  readonly paths?: readonly Address[];
  readonly resync: ResyncStatus;
  /** Null while none is under way. */
  readonly verify: VerifyProgress | null;
  readonly lastVerify: LastVerify | null;
}

/** One entry of `status --json`'s `volumes` (shared/INTERFACE). */
export interface VolumeStatus {
  readonly name: string;
  /** The set that it belongs to; all figures but the size are those of the whole set then. */
  readonly mirrorSet?: string;
  readonly sizeBytes: number;
  readonly mode: 'sync' | 'async';
  readonly role: Role;
  readonly term: number;
  readonly disk: DiskState;
  readonly dirtyBytes: number;
  readonly frozen: boolean;
  readonly freezeReason: string | null;
  readonly heldWrites: number;
  readonly inSyncSet: readonly string[];
  readonly setVersion: number;
  readonly ioErrors: number;
  readonly remappedSectors: number;
  /** Blocks that were read and did not match their checksums, each time they did not. */
  readonly checksumErrors?: number;
  /** Why the rescue journal that is configured keeps nothing now. */
  readonly rescueProblem?: string;
  readonly attached: string | null;
  readonly generation: { readonly current: string; readonly history: readonly string[] };
  readonly peers: readonly PeerStatus[];
  /** Of a volume with several `devices`: each of them. */
  readonly localReplicas?: readonly LocalReplicaStatus[];
}

/** One of a volume's `devices`. */
export interface LocalReplicaStatus {
  readonly name: string;
  /** Without a password. */
  readonly device: string;
  /** It is the source of the others; reads go to it, or as `readPolicy` says. */
  readonly isSource: boolean;
  /** `Diskless`: not open, because this node does not serve; `Attaching`: not there, and tried again and again. */
  readonly disk: DiskState;
  /** Why it is not there; null when it is. */
  readonly problem: string | null;
  readonly replication: ReplicationState;
  readonly splitBrain: boolean;
  readonly dirtyBytes: number;
  readonly ioErrors: number;
  readonly remappedSectors: number;
  readonly resync: ResyncStatus;
  readonly verify: VerifyProgress | null;
  readonly lastVerify: LastVerify | null;
}

type Done = (error: EterneError | undefined) => void;

/** What a replica knows of itself, whoever it is connected with. */
export type Standing = Pick<MetadataState, 'term' | 'set' | 'generations' | 'justCreated' | 'diskState'>;

/** A volume's replica in this process. */
export interface LocalReplica extends MirrorVolume {
  readonly standing: Standing;
  /** Whoever watches its disk has seen that it is gone: as if a request had failed. */
  fail(message: string): void;
}

/** One replica of a volume, opened. Made by `openVolume(world, config, arbiter, done)` in `engine/volume.ts`. */
export interface MirrorVolume {
  readonly config: VolumeConfig;
  status(): VolumeStatus;
  /** Called on every change of what `status` shows except counters; coalesced per event-loop turn. */
  onChange(listener: () => void): void;
  promote(request: PromoteRequest, done: Done): void;
  /** Ends the term: front ends are cut, I/O drained, then secondary. */
  demote(done: Done): void;
  /** One more replica, while everything runs: it gets a slot in the metadata, durably, and is dialled or let in. `refused` when all are taken. */
  addPeer(peer: string, addresses: readonly Address[], done: Done): void;
  /**
   * The other replicas from now on, while everything runs. New ones are added; those that are not named are left alone for good, so that
   * a primary proposes an in-sync set without them; others are dialled at their new addresses. Whoever is another member of the cluster now is met anew.
   */
  setPeers(others: Others, done: Done): void;
  /**
   * The failed or detached disk is there again. A primary goes on serving from its peer while the disk is brought up to date. A secondary must
   * be opened anew afterwards: `done` says that it may.
   */
  attach(request: AttachRequest, done: Done): void;
  /** Gives the data device back, to be taken away or replaced. `refused` while no other replica could serve. */
  detach(done: Done): void;
  connect(peer: string, done: Done): void;
  disconnect(peer: string, done: Done): void;
  /** Begins to compare the copies; `done` when it has begun. Its end shows in `status`. */
  verify(request: VerifyRequest, done: Done): void;
  /** Begins to copy, to connected peers that are equal but for marked blocks, what is marked. */
  resync(peer: string | undefined, done: Done): void;
  /**
   * Secondary only: its content is worthless; a connected peer copies everything to it. `refused` where none has good data, and where whoever serves does not
   * come back with them in 10 s, or this replica is promoted first: then nothing is given up.
   */
  invalidate(done: Done): void;
  /** Primary only: every replica grows, and then what the front ends show (`resize/resize.ts`). `refused` when one cannot, or for a smaller size. */
  resize(sizeBytes: number, done: Done): void;
  /**
   * Ends a split brain by the operator's word: what one side changed since the parting is overwritten (and kept in its rescue journal).
   * `peer` undefined: with every peer that there is one with. A local primary steps down first if it is the one to lose.
   */
  resolve(peer: string | undefined, discard: 'local' | 'remote', done: Done): void;
  /** What both sides changed, and which files that is, for each peer that there is a split brain with. Takes as long as the tools that look. */
  explainSplitBrains(done: (reports: readonly SplitBrainReport[]) => void): void;
  /** Undefined where no rescue journal is configured. */
  readonly rescue: RescueControl | undefined;
  /**
   * A replication connection that a peer opened to this node and that named this volume and `fromNode` in its preface, which
   * has been read off the stream already.
   */
  acceptStream(stream: Stream, fromNode: string, path?: PathNote): void;
  /** What the front ends serve; undefined while secondary. A new object for every term. */
  readonly device: BlockDevice | undefined;
  /**
   * Cluster only: data may be served until `validUntilBootMs` (this node's boot clock). When it lapses the volume freezes (reads and
   * writes are held); a later extension of the same term thaws it. `graceMs` after the lapse it refuses I/O for good and ends the term.
   */
  setLease(lease: { readonly validUntilBootMs: number; readonly graceMs: number }): void;
  close(done: () => void): void;
}
