/**
 * What every node agrees on: the state that the ordered log builds, entry by entry. Plain JSON data, never changed in place.
 * Not in here, because it is nobody's decision: leases (they live in the leader's and the hearts' memory), liveness and latencies
 * (each node's own observation), the progress of a resync beyond a summary.
 *
 * Records are keyed by the name of their entries; whoever walks one does it in sorted order (`sortedEntries`), since
 * JavaScript moves keys that look like numbers to the front.
 */
import type { Address } from '@eterne/runtime';
import type { DiskState, InSyncSet, Term } from '@eterne/disk/engine/api.ts';
import type { VolumeSettings } from '@eterne/disk/process/config-settings.ts';
import type { IscsiExport, NbdExport } from '@eterne/disk/process/port.ts';
import type { ResourceState } from '../ports.ts';
import type { Trouble, WatchPolicies, WatchSettings } from './watch.ts';

/** Written into snapshots. A reader refuses a version it does not know. */
export const STATE_VERSION = 1;

/** The newest events that the state keeps; older ones are forgotten. */
export const EVENTS_MAX = 500;

export type Edition = 'ha' | 'cluster';
export type Profile = 'lan' | 'wan';

/**
 * What lets one of two nodes go on without the other; see docs/internals/tie-breaker.md. `disk`: an existing file or block device that both
 * reach, at `device` on both. `fencing`: whoever has switched the other off; the node that owns fewer groups waits `delayMs` before it tries.
 * `none`: only an operator's word; with `prefer: availability` whoever does not hear the other (raft/tie/solo-player.ts). `ping`: addresses one of which has to answer, else this node seems to be the one that is cut off.
 */
export type TieBreaker =
  | { readonly kind: 'none' | 'witness' }
  | { readonly kind: 'disk'; readonly device: string; readonly ping: readonly string[] }
  | { readonly kind: 'fencing'; readonly delayMs: number; readonly ping: readonly string[] };

/** One way to switch a node off: a fence agent and what it has to be told. */
export interface FenceDevice {
  /** Which node it switches off. */
  readonly node: string;
  /** `fence_…` of the system, or the path of one. */
  readonly agent: string;
  /** The agent's own parameters; some are secrets (`fencing/secrets.ts`). */
  readonly params: Readonly<Record<string, string>>;
  /** Devices of one level belong together (two power supplies); a higher level is tried when a lower one has failed. */
  readonly level: number;
  /** Whether it is switched on again afterwards. */
  readonly action: 'off' | 'reboot';
  /** For each action of the agent. */
  readonly timeoutMs: number;
  /** How often a failed action is tried again. */
  readonly retries: number;
}

/** Where the ordered log is kept. `ca`, `cert` and `key` are files on every node. */
export type ConsensusSpec =
  | { readonly engine: 'embedded' }
  | {
      readonly engine: 'etcd';
      /** `host:port`. */
      readonly endpoints: readonly string[];
      readonly ca: string | null;
      readonly cert: string | null;
      readonly key: string | null;
    };

/**
 * Which log is the cluster's, and how far it has got on its way into another:
 *
 *   steady ── log-move ──► moving ── log-seal ──► sealed ── log-begin, in the new log ──► settling ── log-settled ──► steady
 *                            └───────────────────────── log-stay ─────────────────────────▲
 *
 * `moving`: leases have a long grace, so that what runs outlives the move. `sealed`: the last entry of this epoch's log; nothing but `log-begin` changes the state any
 * more. `settling`: long graces may still run somewhere.
 */
export interface LogPlace {
  /** Rises with every move; the first log is 0. */
  readonly epoch: number;
  /** Of this epoch. */
  readonly consensus: ConsensusSpec;
  readonly phase: 'steady' | 'moving' | 'sealed' | 'settling';
  /** While moving or sealed: where to. */
  readonly to: ConsensusSpec | null;
  /** Members that could follow: they reach where it goes. */
  readonly ready: readonly string[];
  /** Members that have followed into this epoch; empty in epoch 0. */
  readonly followed: readonly string[];
}

export interface Settling {
  readonly from: Profile;
  /** Of the configuration that changed it. */
  readonly revision: number;
}

export interface ClusterConfig {
  readonly edition: Edition;
  readonly profile: Profile;
  /** IANA name; failback windows are in it. */
  readonly timezone: string;
  readonly tieBreaker: TieBreaker;
  /** Of a pair without a tie-breaker. `availability`: either node goes on alone, and a split brain may need resolving. */
  readonly prefer: 'consistency' | 'availability';
  /** With `availability`: addresses one of which has to answer before a node goes on alone. */
  readonly ping: readonly string[];
  readonly fencing: readonly FenceDevice[];
  /** What becomes of the groups of a node that is stopped in order. `freeze`: they wait for it; `conditional`: when it comes back. */
  readonly onShutdown: 'move' | 'freeze' | 'conditional';
  /** Of every node; null: none. */
  readonly watchdog: WatchdogSpec | null;
  /** What groups stand on, and what to do when it is not well. */
  readonly watch: WatchSettings;
  readonly heartbeatDisks: readonly HeartbeatDisk[];
  /** Where the log is, or is to be moved. */
  readonly consensus: ConsensusSpec;
}

/** A block device or file that nodes reach and beat on. */
export interface HeartbeatDisk {
  /** An absolute path; a node that is not named does not reach it. */
  readonly device: PerNode;
  /** What its header says (32 hexadecimal digits), so that each node knows the right disk; empty in a plan: it is not made yet. */
  readonly id: string;
}

export interface WatchdogSpec {
  /** A character device, or `unix:PATH`. */
  readonly device: string;
  readonly timeoutMs: number;
}

/** `node` carries groups and replicas; `witness` only votes. */
export type MemberRole = 'node' | 'witness';

/** What the operator wants of a node. */
export type NodeMode = 'active' | 'standby' | 'maintenance';

/** Process ids of a node's daemons; null while one is down. */
export interface DaemonPids {
  readonly service: number | null;
  readonly monitor: number | null;
  readonly heart: number | null;
  readonly disk: number | null;
}

/** Name of a quantity (`memory`, `seats` …: the operator's own words) → how much of it, in whatever unit. */
export type Quantities = Readonly<Record<string, number>>;

/** Where a member is. `servicePorts` (node/identity.ts) tells what listens behind its addresses. */
export interface MemberPlace {
  /** One per path, `host:port`. */
  readonly addresses: readonly Address[];
  /** Its HTTPS API. */
  readonly api: Address;
}

/** What a joining node says about itself. */
export interface MemberSpec extends MemberPlace {
  readonly name: string;
  readonly role: MemberRole;
  /** Raft's name of it; a node that lost its log comes back under a new one. */
  readonly voterId: string;
  /** The highest feature level that its program knows (`levels.ts`). */
  readonly level: number;
}

export interface Member extends MemberSpec {
  readonly mode: NodeMode;
  /** Random per start of the node; empty before the first. */
  readonly startId: string;
  /** Rises with every start of the node; 0 before the first. */
  readonly incarnation: number;
  readonly pids: DaemonPids;
  /** The timeout of its armed watchdog; null: it has none that would reset it. */
  readonly watchdogMs: number | null;
  /** What the leader last committed about its silence. Status shows it; decisions rest on the leader's own observation. */
  readonly presence: 'unknown' | 'online' | 'lost' | 'leaving';
  /** It said so when it began to leave. Absent: nobody knows. */
  readonly comesBack?: true;
  /** Nodes that it sees on a heartbeat disk and hears no more, as it told last. */
  readonly sees: readonly string[];
  /** What keeps it from using a heartbeat disk, as it told last: sentences. */
  readonly diskTroubles: readonly string[];
  /** What it has of each quantity that groups take up; of one that is not named here it has none. */
  readonly capacity: Quantities;
  /** What of it is not well, as it told last; by kind and subject. */
  readonly troubles: readonly Trouble[];
}

/** One copy of a volume, as the operator wrote it; of a volume whose devices are shared (`joined.ts`), one node that reaches them. */
export interface ReplicaSpec {
  readonly node: string;
  /** File, block device, `iscsi://…` or `nbd+unix://…`. Of a volume with parts, or of several devices, that of the first. */
  readonly device: string;
  /** Those of the others, in their order. */
  readonly behind?: readonly string[];
}

/** One text for every node, or one for each by name. */
export type PerNode = string | Readonly<Record<string, string>>;

export function atNode(text: PerNode, node: string): string | undefined {
  return typeof text === 'string' ? text : text[node];
}

type Everywhere<Export extends { readonly listen: string }> = Omit<Export, 'listen'> & {
  readonly listen: PerNode;
};

/** Beside the socket that every node has for its own use. Names and identity are the same on every node. */
export type VolumeExport = Everywhere<NbdExport> | Everywhere<IscsiExport>;

/** One of several disks that are mirrored as one volume (`parts.ts`). */
export interface VolumePart {
  /** In its volume. */
  readonly name: string;
  /** It ends where the next one begins, the last one where the volume does. */
  readonly startBytes: number;
  readonly exports: readonly VolumeExport[];
}

/** What copies overwrite is kept. */
export interface RescueSpec {
  /** Null: in the node's folder, beside the metadata. */
  readonly path: PerNode | null;
  readonly maxBytes: number;
  readonly whenFull: 'pause' | 'drop-oldest';
}

/** Each device is a whole copy, and every node of `replicas` reaches all. `joined.ts` says what `fence` stands for. */
export interface JoinedSpec {
  /** Names, the same on every node. */
  readonly devices: readonly string[];
  readonly fence: 'reservation' | 'fencing' | 'lock';
}

export interface VolumeSpec {
  readonly name: string;
  /** What the operator wants; `VolumeState.size` says what it has come to. */
  readonly sizeBytes: number;
  readonly mode: 'sync' | 'async';
  readonly replicas: readonly ReplicaSpec[];
  /** Absent: each replica is a copy of its own. */
  readonly joined?: JoinedSpec;
  readonly initialSync: 'smart' | 'full' | 'none';
  /** A primary whose disk has failed is served by a peer; `move`: its group goes where there is a good copy, too. */
  readonly onDiskError: 'serve-from-peer' | 'move';
  /** Asynchronous: who decides that a copy that may lack the newest writes goes on when the primary is lost. */
  readonly asyncTakeover: 'operator' | 'auto';
  readonly settings: VolumeSettings;
  readonly rescueJournal: RescueSpec | null;
  /** None where each part has its own. */
  readonly exports: readonly VolumeExport[];
  /** Empty: it is one disk. */
  readonly parts: readonly VolumePart[];
}

export interface ReplicaSummary {
  /** Or a device that several nodes reach. */
  readonly node: string;
  readonly disk: DiskState | 'Unknown';
  readonly dirtyBytes: number;
  /** On their way from the primary, and for how long the oldest of it; null: not counted, it is away or being copied to. */
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  /** It has what was acknowledged before this (wall clock of the primary, ms since the epoch); null: never known. */
  readonly hasUntilMs: number | null;
  /** Both sides were written apart; what is given up is an operator's decision. */
  readonly splitBrain: boolean;
}

export type ReplicaReport = Omit<ReplicaSummary, 'hasUntilMs'>;

/** Writes that were given up, by word of an operator or of `asyncTakeover: auto`. */
export interface GivenUp {
  /** Whose copy went on. */
  readonly node: string;
  readonly atMs: number;
  /** What was acknowledged before this is there; null: nothing is known. */
  readonly hasUntilMs: number | null;
  /** On their way to that copy when the lost primary last told. */
  readonly lagBytes: number | null;
}

export interface VolumeSize {
  /** When it was made: with that a new replica begins, which then grows as the others did. */
  readonly originBytes: number;
  /** As a primary last told. */
  readonly presentBytes: number;
}

export interface VolumeState {
  readonly spec: VolumeSpec;
  readonly size: VolumeSize;
  /** The last granted right to write; number 0 before the first promotion. */
  readonly term: Term;
  /** The node that holds `term`; null between a release or take-over and the next promotion. */
  readonly primary: string | null;
  /**
   * The last primary, when it went down without being demoted: its copy may lack what it had acknowledged and not flushed. Another
   * member of the set is promoted rather than it, and takes it into the set again only after a resync.
   */
  readonly crashed: string | null;
  /**
   * Version 0 with no members: never promoted, nothing written yet, any replica may become the source. Of shared devices it is only what was told last
   * (`joined.ts`).
   */
  readonly inSyncSet: InSyncSet;
  /** The state's revision at its creation: a volume created again under the same name never meets the old one's metadata. */
  readonly created: number;
  /** What the last primary reported of the replicas; for people, never for a decision. */
  readonly summary: readonly ReplicaSummary[];
  /** The last time that writes were given up. */
  readonly givenUp: GivenUp | null;
  /** By an operator's word: of several shared devices this one goes on, whatever others may have. Absent: nobody said so, or it has. */
  readonly goesOnWith?: string;
}

export interface RestartPolicy {
  readonly attempts: number;
  readonly windowMs: number;
}

/** A resource as configured: `${…}` not yet replaced. */
export interface ResourceDefinition {
  readonly name: string;
  readonly type: string;
  /** What the agent's schema says; checked when the document is applied. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly restart: RestartPolicy;
}

export interface Failback {
  readonly enabled: boolean;
  /** `HH:MM-HH:MM` in the cluster's time zone, may wrap midnight; null: at any time. */
  readonly window: string | null;
}

/** Names of other groups. One-sided: this group adapts to them, so that groups cannot chase each other. */
export interface GroupRules {
  /** Runs only where these run. */
  readonly with: readonly string[];
  /** Does not run where one of these runs. */
  readonly apart: readonly string[];
  /** Is started only while these are online. */
  readonly after: readonly string[];
}

export const NO_RULES: GroupRules = { with: [], apart: [], after: [] };

export interface GroupSpec {
  readonly name: string;
  /** In order of preference. */
  readonly nodes: readonly string[];
  readonly failback: Failback;
  readonly rules: GroupRules;
  /** What it takes up of its node's capacity while it is there. */
  readonly demand: Quantities;
  /**
   * `kill`: what cannot be stopped is killed, and let go when that is proven; `fence`: its node is switched off; `block`: it stays until an
   * operator has looked. Where `kill` or `fence` fail too it is blocked.
   */
  readonly onStopFailure: 'block' | 'kill' | 'fence';
  /** Where this group wants something else than the cluster's `watch`. */
  readonly watch: Partial<WatchPolicies>;
  /** Started in this order, stopped in reverse. */
  readonly resources: readonly ResourceDefinition[];
}

/**
 *                  assign                 online
 *   stopped/failed ──────► starting ──────────────► online
 *        ▲                    │                        │ stop · move · failure
 *        │      released      ▼                        ▼
 *        └──────────────── stopping ◄──────────────────┘
 * `blocked`: from any phase with an owner (a stop failed: nobody else may start it) or without one (no node may run it).
 */
export type GroupPhase = 'stopped' | 'starting' | 'online' | 'stopping' | 'failed' | 'blocked';

export interface ResourceSummary {
  readonly name: string;
  readonly state: ResourceState;
  readonly reason: string;
  /** What later resources refer to; committed before it is used, so that a restarted service can go on. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** One failure of a resource on a node. The leader has it forgotten when it is older than the resource's restart window. */
export interface FailureRecord {
  /** Unique in its group. */
  readonly id: number;
  readonly node: string;
  readonly resource: string;
  /** Wall clock of the node that saw it, ms since the epoch. */
  readonly atMs: number;
  /** The node was given up for this group: it is not chosen again while the record lives. */
  readonly gaveUp: boolean;
}

export interface PendingMove {
  /** Null: the leader chooses. */
  readonly to: string | null;
  readonly reason: string;
  /** See `GroupState.displaced`. */
  readonly displaces: boolean;
  /** It waits for `to`, which was stopped in order, as long as that is away (`onShutdown`). Absent: no. */
  readonly waits?: true;
}

/** A rehearsed switch-over under way: numbered records are written on the group's file system and counted on the next node. */
export interface Drill {
  readonly id: string;
  /** The mounted directory in which the records are. */
  readonly directory: string;
  /** Records that the old owner had on stable storage; null: not told yet. */
  readonly acknowledged: number | null;
  /** Records that the new owner has found, from the first without a gap; null: not counted yet. */
  readonly found: number | null;
}

/** Something of a group on a node that does not own it: started by hand, or left behind. */
export interface Stray {
  readonly node: string;
  readonly resources: readonly string[];
  /** Why it could not be stopped; empty: that is being tried. */
  readonly failure: string;
}

export interface GroupState {
  readonly spec: GroupSpec;
  readonly desired: 'started' | 'stopped';
  /** Only the owner may run it, and only with a lease for `epoch`. */
  readonly owner: string | null;
  /** Number of its last assignment; rises, and no two assignments of any groups share one. 0 before the first. */
  readonly epoch: number;
  readonly phase: GroupPhase;
  /** A sentence: why it is where it is, or what keeps it from running. */
  readonly reason: string;
  readonly resources: readonly ResourceSummary[];
  readonly failures: readonly FailureRecord[];
  /** The owner is to stop it and let go. */
  readonly move: PendingMove | null;
  /** It is away from its preferred node against the operator's will, so failback applies. */
  readonly displaced: boolean;
  /** Nothing is done about it, whatever happens. */
  readonly maintenance: boolean;
  /** How long its last whole start and its last whole stop took, by the owner's clock; null: none yet. For estimates. */
  readonly lastStartMs: number | null;
  readonly lastStopMs: number | null;
  /** By node. While there are any nobody is given the group. */
  readonly strays: readonly Stray[];
  readonly drill: Drill | null;
}

/** A node that is to be fenced. It is forgotten when that is confirmed, or not wanted any more. */
export interface FenceState {
  readonly node: string;
  /** Which life of the node (`Member.startId`) is to end. */
  readonly startId: string;
  /** A sentence. */
  readonly reason: string;
  /** The operator asked for it: it is done even when the node is heard. */
  readonly ordered: boolean;
  /** The node whose monitor does it now; null: nobody yet, or it failed. */
  readonly executor: string | null;
  /** 1, 2, 3 … per executor asked; 0 before the first. */
  readonly attempt: number;
  /** Why the last attempt failed; empty: none has. */
  readonly failure: string;
}

export type EventLevel = 'info' | 'warning' | 'error';

/** One line of the timeline. The same on every node. */
export interface ClusterEvent {
  /** 1, 2, 3 …, never reused. */
  readonly id: number;
  /** Wall clock of the node that proposed the entry, ms since the epoch. */
  readonly atMs: number;
  readonly level: EventLevel;
  /** Stable, for translation and filters: `group.online`, `node.lost` … */
  readonly code: string;
  readonly node?: string;
  readonly volume?: string;
  readonly group?: string;
  /** Who asked for it, when a person did. */
  readonly by?: string;
  /** An English sentence. */
  readonly message: string;
}

/** A right to join, once. The key is the token's SHA-256 in hex; the token itself is nowhere. */
export interface JoinToken {
  readonly expiresAtMs: number;
}

export type AccountRole = 'viewer' | 'operator' | 'admin';

/** A person or program that may use the API. Only hashes; made and checked by `api/`. */
export interface Account {
  readonly name: string;
  readonly role: AccountRole;
  /** scrypt, self-describing; null: no log-in by password. */
  readonly passwordHash: string | null;
  /** SHA-256 in hex of its API tokens. */
  readonly tokenHashes: readonly string[];
}

/** One node of a pair that prefers availability goes on without the other. */
export interface Alone {
  /** Id of its half of the pair; a UUID. */
  readonly half: string;
  readonly node: string;
  /** Whom it does not hear. */
  readonly peer: string;
  /** Wall clock. */
  readonly sinceMs: number;
  /** The other went on alone too; null: nothing is known of that. */
  readonly parted: Parting | null;
}

export interface Parting {
  /** Id of the other's half. */
  readonly half: string;
  readonly sinceMs: number;
  /** This half stays; the other node lets go of everything and joins it. */
  readonly survives: boolean;
}

export interface ClusterState {
  readonly version: typeof STATE_VERSION;
  /** Empty before `bootstrap`, the first entry. */
  readonly cluster: string;
  /** UUID; the grantor of every term, until a node of a pair has gone on alone. */
  readonly clusterId: string;
  /** The grantor of every term from now on: the newest half of the pair. Null: the cluster. */
  readonly grantor: string | null;
  readonly alone: Alone | null;
  /** The feature level that every member keeps to (`levels.ts`); it never falls. */
  readonly level: number;
  /** Raft term of the leader whose decisions count (`lead`). */
  readonly leaderTerm: number;
  readonly config: ClusterConfig;
  readonly log: LogPlace;
  /** A profile that was changed, while leases of the one before may still be held; null: nobody holds one. */
  readonly settling: Settling | null;
  /** Nothing is done about any group, whatever happens. */
  readonly maintenance: boolean;
  /** Rises with every change of configuration, volumes or groups: what a plan was made for. */
  readonly revision: number;
  /** The newest epoch of any group. */
  readonly epoch: number;
  readonly members: Readonly<Record<string, Member>>;
  /** Node → number of its slot on every heartbeat disk; empty while there is no such disk. */
  readonly heartSlots: Readonly<Record<string, number>>;
  readonly volumes: Readonly<Record<string, VolumeState>>;
  readonly groups: Readonly<Record<string, GroupState>>;
  /** By node. */
  readonly fences: Readonly<Record<string, FenceState>>;
  readonly tokens: Readonly<Record<string, JoinToken>>;
  readonly accounts: Readonly<Record<string, Account>>;
  readonly events: readonly ClusterEvent[];
  /** Id of the newest event. */
  readonly eventId: number;
}

/** Of a pair: either node goes on alone when it does not hear the other. */
export function prefersAvailability({ prefer, tieBreaker }: ClusterConfig): boolean {
  return prefer === 'availability' && tieBreaker.kind === 'none';
}

/** Entries by rising name, so that every node walks a record the same way. */
export function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Sorted once for each record: an entry that changes one makes another, and all duties walk them with every step. */
const sorted = new WeakMap<object, readonly unknown[]>();

export function sortedValues<T>(record: Readonly<Record<string, T>>): readonly T[] {
  const known = sorted.get(record) as readonly T[] | undefined;
  if (known) return known;
  const values = sortedEntries(record).map(([, value]) => value);
  sorted.set(record, values);
  return values;
}
