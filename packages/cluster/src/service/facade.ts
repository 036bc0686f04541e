/**
 * What the API, the CLI and the console see of a cluster: the same on every node. Reads answer from this node's applied state
 * and observations; commands travel through the ordered log to the leader and resolve once they are applied here. They reject
 * with an `EterneError` (`not-found`, `refused`, `conflict`, `no-quorum`, `config` …).
 */
import type { DiskState, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { SplitBrainReport } from '@eterne/disk/engine/split-brain/report.ts';
import type { PointStatus } from '@eterne/disk/rescue/api.ts';
import type { DropCounts } from '../heart/drops.ts';
import type { PathStatus, ResourceState } from '../ports.ts';
import type {
  Account,
  ClusterEvent,
  ClusterState,
  DaemonPids,
  Edition,
  GivenUp,
  GroupPhase,
  LogPlace,
  MemberRole,
  MemberSpec,
  NodeMode,
  Profile,
  Stray,
} from '../state/model.ts';
import type { Losses } from '../state/places.ts';
import type { VolumeOrder } from '../state/volume-orders.ts';
import type { Trouble } from '../state/watch.ts';

export interface NodeStatus {
  readonly name: string;
  readonly role: MemberRole;
  readonly state: 'online' | 'lost' | 'standby' | 'maintenance';
  /** What is asked of it, also while it is lost; absent: an older program does not tell. */
  readonly mode?: NodeMode;
  readonly leader: boolean;
  readonly incarnation: number;
  /** The highest that its program knows (`state/levels.ts`). */
  readonly featureLevel: number;
  readonly pids: DaemonPids;
  readonly api: string;
  /** By what the reporting node hears of it: it can be talked to, or only be seen to live, or neither. */
  readonly reach: 'network' | 'disk' | 'none';
  /** Heartbeat paths from the reporting node to this one; empty for the reporting node itself. */
  readonly paths: readonly PathStatus[];
  /** What makes certain that the node stops when it is cut off; null for a witness, which carries nothing. */
  readonly enforcement: 'watchdog' | 'fencing' | 'software' | null;
  /** It is to be fenced; null: it is not. */
  readonly fence: {
    readonly reason: string;
    /** Who does it now. */
    readonly executor: string | null;
    readonly attempt: number;
    /** Why the last attempt failed. */
    readonly failure: string | null;
  } | null;
  /** What of it is not well that groups stand on. */
  readonly troubles: readonly Trouble[];
}

export interface ReplicaStatus {
  readonly node: string;
  readonly disk: DiskState | 'Unknown';
  /** What may differ from the primary. */
  readonly dirtyBytes: number;
  /** Asynchronous, as the primary last told: on the way to this copy; null: not counted. */
  readonly lagBytes: number | null;
  /** It has what was acknowledged before this (ms since the epoch); null: not known, or synchronous. */
  readonly hasUntilMs: number | null;
  readonly splitBrain: boolean;
}

/** One of the devices that the nodes of a volume share, as its primary last told. */
export interface DeviceStatus {
  readonly name: string;
  readonly disk: DiskState | 'Unknown';
  readonly dirtyBytes: number;
  readonly splitBrain: boolean;
}

export interface PartStatus {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface ClusterVolumeStatus {
  readonly name: string;
  readonly sizeBytes: number;
  /** The disks it is made of, in order; empty: it is one. */
  readonly parts: readonly PartStatus[];
  /** It is to become so large; null: it is. */
  readonly growsToBytes: number | null;
  readonly mode: 'sync' | 'async';
  readonly primary: string | null;
  readonly term: number;
  /** Of a volume with devices, the nodes that reach them: `Diskless` where it is not served. */
  readonly replicas: readonly ReplicaStatus[];
  /** Each is a whole copy, and its names are those of `inSyncSet`; empty: each replica is a copy. */
  readonly devices: readonly DeviceStatus[];
  readonly inSyncSet: readonly string[];
  readonly setVersion: number;
  /** The group whose mirror resource uses it. */
  readonly group: string | null;
  readonly asyncTakeover: 'operator' | 'auto';
  /** The last time that a copy went on although it might lack writes. */
  readonly givenUp: GivenUp | null;
}

export interface ResourceStatus {
  readonly name: string;
  readonly type: string;
  readonly state: ResourceState;
  readonly reason: string;
}

export interface GroupStatus {
  readonly name: string;
  readonly state: GroupPhase;
  readonly desired: 'started' | 'stopped';
  readonly owner: string | null;
  readonly epoch: number;
  /** Would another node carry it at once if its owner stopped now? */
  readonly protected: boolean;
  /** Nothing is done about it: itself, its owner or the whole cluster is in maintenance. */
  readonly maintenance: boolean;
  readonly reason: string;
  /** As seen by the reporting node: its own lease, or what it granted as leader; null when it knows neither. */
  readonly leaseRemainingMs: number | null;
  readonly nodes: readonly string[];
  readonly resources: readonly ResourceStatus[];
  /** What of it is on nodes that do not own it. */
  readonly strays: readonly Stray[];
}

export interface ClusterStatus {
  readonly cluster: string;
  readonly edition: Edition;
  readonly profile: Profile;
  readonly reportedBy: string;
  readonly leader: string | null;
  readonly quorate: boolean;
  /** `level`: in use. `highest`: of any member's program. `waitsFor`: whose program is older than that. */
  readonly features: {
    readonly level: number;
    readonly highest: number;
    readonly waitsFor: readonly string[];
  };
  /** Nothing is done about any group. */
  readonly maintenance: boolean;
  readonly nodes: readonly NodeStatus[];
  readonly volumes: readonly ClusterVolumeStatus[];
  readonly groups: readonly GroupStatus[];
  /** Of a pair, as the reporting node sees it. `word`: only an operator can let one node go on alone; `availability`: either goes on by silence. */
  readonly tieBreaker: {
    readonly kind: 'disk' | 'fencing' | 'word' | 'availability';
    /** It counts for majorities. */
    readonly votes: boolean;
    /** Why it does not answer. */
    readonly trouble: string | null;
    /** The reporting node goes on alone, because this is known of its peer. */
    readonly heldBecause: string | null;
  } | null;
  /** Where the ordered log is, and how far a move of it has got. */
  readonly consensus: {
    readonly engine: 'embedded' | 'etcd';
    readonly epoch: number;
    readonly phase: LogPlace['phase'];
    /** Why the reporting node cannot use it, or follow it. */
    readonly trouble: string | null;
    /** How long the groups of a lost node may wait for being started elsewhere. */
    readonly takeOverMs: number;
  };
  /** Sentences about what weakens the cluster now: no watchdog, no third voter, a replica out of sync … */
  readonly warnings: readonly string[];
  /** Messages that the reporting node did not believe since its processes were started; see `DropReason`. */
  readonly dropped: { readonly heartbeats: DropCounts; readonly log: DropCounts };
}

/** One step of a plan, in the order of execution. */
export interface PlanStep {
  readonly action: 'create' | 'change' | 'delete';
  readonly subject: 'cluster' | 'node' | 'volume' | 'group';
  readonly name: string;
  /** For the operator: what happens and what it costs. */
  readonly sentence: string;
}

export interface ConfigPlan {
  readonly steps: readonly PlanStep[];
}

/** A candidate node and why it may or may not run the group. */
export interface CandidateExplanation {
  readonly node: string;
  readonly eligible: boolean;
  readonly reason: string;
}

export interface GroupExplanation {
  readonly group: string;
  readonly owner: string | null;
  /** Where it would be placed if it were placed now; null: nowhere. */
  readonly chosen: string | null;
  readonly sentences: readonly string[];
  readonly candidates: readonly CandidateExplanation[];
}

export type SimulationRequest =
  | { readonly kind: 'fail' | 'return'; readonly nodes: readonly string[] }
  /** Sides that no longer hear each other; members on none of them make one more. */
  | { readonly kind: 'partition'; readonly sides: readonly (readonly string[])[] };

export interface SimulatedSide {
  readonly nodes: readonly string[];
  readonly quorate: boolean;
}

/** In the order in which the leader would decide them. */
export interface SimulatedMove {
  readonly group: string;
  /** `stay`: in maintenance, so nothing is done about it. */
  readonly kind: 'take-over' | 'move' | 'start' | 'stay';
  /** Null: it ran nowhere. */
  readonly from: string | null;
  /** Null: it would stay down. */
  readonly to: string | null;
  readonly reason: string;
  /**
   * Until its services answer again: what must be waited out before it may be started elsewhere, and how long its last start (and stop)
   * took. Null when it stays down, or was down before.
   */
  readonly expectedOutageMs: number | null;
  /** What else has to be waited for; null: nothing. */
  readonly when: string | null;
}

export interface FailureSimulation {
  /** The nodes that it is about. */
  readonly node: string;
  /** Would anybody still have a majority of voters? */
  readonly quorate: boolean;
  readonly sides: readonly SimulatedSide[];
  readonly moves: readonly SimulatedMove[];
  readonly sentences: readonly string[];
}

export interface DrillResult {
  readonly group: string;
  readonly from: string;
  readonly to: string;
  /** From its first resource being stopped to the last one running on the other node, as the node that answers saw it. */
  readonly outageMs: number;
  /** Records that were on stable storage before the switch-over, and how many of them were gone after it; null: none could be written. */
  readonly writes: { readonly acknowledged: number; readonly lost: number } | null;
  readonly sentence: string;
}

export interface FenceReport {
  readonly node: string;
  readonly tookMs: number;
}

/** Who asks, for the audit trail: `admin@10.0.0.9`. */
export type Requester = string;

export interface ServiceFacade {
  /** This node's name. */
  readonly node: string;
  state(): ClusterState;
  status(): ClusterStatus;
  /** Events with an id above `afterId`, oldest first (the state keeps the newest 500). */
  events(afterId: number): readonly ClusterEvent[];
  /** Called on every change of `status()` or `events()`, coalesced to at most 10 a second. Returns the way to stop it. */
  subscribe(listener: () => void): () => void;

  /** `document` is parsed YAML or JSON, not yet validated; `config` errors name the offending key. */
  configPlan(document: unknown): Promise<ConfigPlan>;
  configApply(document: unknown, by: Requester): Promise<ConfigPlan>;
  /** The document that `configApply` would take to make the cluster as it is. Secrets are masked. */
  /** Members that would lose paths by it, with those that they would keep. */
  configLosses(document: unknown): Promise<readonly Losses[]>;
  configShow(): Record<string, unknown>;

  /** One entry of the document's `volumes`. */
  volumeCreate(volume: unknown, by: Requester): Promise<void>;
  volumeDelete(name: string, by: Requester): Promise<void>;
  /** The copy on `node` goes on although it may lack acknowledged writes. Its group must not run anywhere. */
  volumeAcceptLoss(name: string, node: string, by: Requester): Promise<void>;

  /** The volume, or its last part, is to grow to this size; resolves when that is committed. */
  volumeResize(name: string, part: string | undefined, sizeBytes: number, by: Requester): Promise<void>;
  /** Which node has to carry out an order: the one that is named, or the primary. */
  volumeActor(name: string, node: string | undefined): Promise<string>;
  /** Commits the order and has the replica on this node carry it out; resolves when it has begun, or (rescue, attach …) is done. */
  volumeOrder(name: string, order: VolumeOrder, by: Requester): Promise<void>;
  /** This node's replica as its disk process knows it now. */
  volumeReplica(name: string): Promise<VolumeStatus>;
  /** What each side of a split brain of this node's replica changed. */
  volumeSplitBrains(name: string): Promise<readonly SplitBrainReport[]>;
  /** What is kept of what was overwritten of this node's replica. */
  volumeRescuePoints(name: string): Promise<readonly PointStatus[]>;

  /** One entry of the document's `groups`. */
  groupCreate(group: unknown, by: Requester): Promise<void>;
  groupStart(name: string, by: Requester): Promise<void>;
  groupStop(name: string, by: Requester): Promise<void>;
  /** `to` undefined: the best other node. Resolves when the order is committed, not when the move is over. */
  groupMove(name: string, to: string | undefined, by: Requester): Promise<void>;
  groupDelete(name: string, by: Requester): Promise<void>;
  groupExplain(name: string): GroupExplanation;

  nodeStandby(name: string, by: Requester): Promise<void>;
  /** Ends standby and maintenance. */
  nodeUnstandby(name: string, by: Requester): Promise<void>;
  nodeMaintenance(name: string, by: Requester): Promise<void>;
  /** Switches the node off by its fence devices. Resolves when that is confirmed; rejects when it failed. */
  nodeFence(name: string, by: Requester): Promise<FenceReport>;
  /**
   * The operator's word that a node which is not heard is off: what it owned is free at once. In a pair without a majority it lets this node go
   * on alone, with `acceptLoss` even when the other may know more.
   */
  nodeConfirmStopped(name: string, acceptLoss: boolean, by: Requester): Promise<void>;
  /** The node must carry no group and no replica. `isSaidToBeOff`: asked for of the other node of a pair of which one goes on alone. */
  nodeRemove(name: string, isSaidToBeOff: boolean, by: Requester): Promise<void>;
  /** A new member (its token and certificate already checked): added to the state and to the voters. */
  joinNode(member: MemberSpec, by: Requester): Promise<void>;

  /** The ordered log is to move; resolves when that has begun, `status().consensus` tells the rest. */
  migrateLog(to: 'embedded' | 'etcd', by: Requester): Promise<void>;

  /** Of one group, or (null) of the whole cluster. */
  setMaintenance(group: string | null, on: boolean, by: Requester): Promise<void>;

  simulate(request: SimulationRequest): FailureSimulation;
  /** A real switch-over to the best other node; resolves when it is online there. */
  drill(group: string, by: Requester): Promise<DrillResult>;

  /** Validates and commits one-time join tokens, so that any node can honour one. The hash only; never the token. */
  tokenAdd(tokenHash: string, expiresAtMs: number, by: Requester): Promise<void>;
  /** Resolves once the token is spent; rejects `unauthorized` when unknown, expired or already used. */
  tokenUse(tokenHash: string): Promise<void>;
  /** Creates or replaces; the accounts are in `state().accounts`, the same on every node. */
  accountPut(account: Account, by: Requester): Promise<void>;
  accountRemove(name: string, by: Requester): Promise<void>;
}
