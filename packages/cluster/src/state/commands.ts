/**
 * Everything that can be agreed on: the entries of the ordered log. Who may propose which is said at each; `apply.ts` checks what
 * can be checked from the state, so that a late or repeated entry changes nothing.
 *
 * Changelog: 1 — first version. What is new inside it is said in `levels.ts`.
 */
import type { Term } from '@eterne/disk/engine/api.ts';
import type { VolumeOrder } from './volume-orders.ts';
import type {
  Account,
  ClusterConfig,
  DaemonPids,
  GroupSpec,
  JoinToken,
  MemberPlace,
  MemberSpec,
  NodeMode,
  Quantities,
  ReplicaReport,
  ResourceSummary,
  VolumeSpec,
} from './model.ts';
import type { Trouble } from './watch.ts';

export const COMMAND_VERSION = 1;

/** When and for whom: carried along, because applying must give the same result on every node. */
export interface Stamp {
  /** Wall clock of the proposing node, ms since the epoch. Shown, never compared. */
  readonly atMs: number;
  /** The person behind it, for the audit trail. */
  readonly by?: string;
}

/** One change of a `configure` entry; all of them happen, or none. */
export type ConfigChange =
  | { readonly kind: 'cluster'; readonly config: ClusterConfig }
  | {
      readonly kind: 'node-put';
      readonly name: string;
      readonly capacity: Quantities;
      /** Absent: it stays where it is. */
      readonly place?: MemberPlace;
    }
  | { readonly kind: 'volume-put'; readonly spec: VolumeSpec }
  | { readonly kind: 'volume-delete'; readonly name: string }
  | { readonly kind: 'group-put'; readonly spec: GroupSpec }
  | { readonly kind: 'group-delete'; readonly name: string };

export type Command = Stamp &
  (
    | MemberCommand
    | ConfigureCommand
    | VolumeCommand
    | GroupCommand
    | AccessCommand
    | FenceCommand
    | LogCommand
    | HalfCommand
    /**
     * A new leader's first entry. It begins its duties only when this entry is applied on it: then every decision
     * of its predecessors is either applied too, or will be refused because its `leaderTerm` is over.
     */
    | { readonly kind: 'lead'; readonly node: string; readonly leaderTerm: number }
    | { readonly kind: 'cluster-maintenance'; readonly on: boolean }
    /** The leader: the program of every member knows this feature level. */
    | { readonly kind: 'level-raise'; readonly level: number; readonly leaderTerm: number }
    /** Proposed by nobody: what an entry is read as that needs a higher feature level than the cluster has. */
    | { readonly kind: 'premature'; readonly level: number }
    /** No lease of the profile that the configuration of this revision replaced can be held any more. */
    | { readonly kind: 'profile-settled'; readonly revision: number; readonly leaderTerm: number }
  );

/** Of the leader of a pair that prefers availability (raft/tie/lineage.ts). */
export type HalfCommand =
  /** Before it decides anything: it leads because it does not hear the other node. */
  | {
      readonly kind: 'alone';
      readonly half: string;
      readonly node: string;
      readonly peer: string;
      readonly leaderTerm: number;
    }
  /** The other node turns out to have gone on alone too. */
  | {
      readonly kind: 'parted';
      readonly half: string;
      readonly other: string;
      readonly survives: boolean;
      readonly leaderTerm: number;
    }
  /** Both are one again; only both can commit it. */
  | { readonly kind: 'whole'; readonly half: string; readonly leaderTerm: number };

export type MemberCommand =
  /** The founder, as the first entry of all. */
  | {
      readonly kind: 'bootstrap';
      readonly cluster: string;
      readonly clusterId: string;
      readonly member: MemberSpec;
    }
  | { readonly kind: 'member-add'; readonly member: MemberSpec }
  | { readonly kind: 'member-remove'; readonly name: string }
  | { readonly kind: 'node-mode'; readonly name: string; readonly mode: NodeMode }
  /** A node about itself, at its start and when a daemon's pid changes. `startId` is new with every start of the node. */
  | {
      readonly kind: 'node-report';
      readonly name: string;
      readonly startId: string;
      readonly pids: DaemonPids;
      /** The highest feature level that its program knows. */
      readonly level: number;
      /** Absent: none. */
      readonly sees?: readonly string[];
      readonly diskTroubles?: readonly string[];
    }
  /** A node about its watchdog: after it was armed, before it is disarmed. */
  | {
      readonly kind: 'node-watchdog';
      readonly name: string;
      readonly startId: string;
      readonly timeoutMs: number | null;
    }
  /** A node about what it stands on: everything that is not well there now. */
  | {
      readonly kind: 'node-troubles';
      readonly name: string;
      readonly startId: string;
      readonly troubles: readonly Trouble[];
    }
  /** The node itself, before it stops politely. `comesBack`: its machine is being rebooted, or only the node started anew. */
  | { readonly kind: 'node-leaving'; readonly name: string; readonly comesBack?: true }
  /** The leader, when it has stopped or begun to hear a node. */
  | {
      readonly kind: 'node-presence';
      readonly name: string;
      readonly presence: 'online' | 'lost';
      readonly leaderTerm: number;
    };

export interface ConfigureCommand {
  readonly kind: 'configure';
  readonly changes: readonly ConfigChange[];
  /** The state the plan was made for; another revision refuses the whole entry. */
  readonly revision: number;
}

export type VolumeCommand =
  /**
   * The group's owner takes the right to write: new term, primary and the set reduced to the replicas it
   * reaches, in one entry.
   */
  | {
      readonly kind: 'volume-promote';
      readonly volume: string;
      readonly node: string;
      readonly group: string;
      readonly epoch: number;
      readonly expectedTerm: number;
      /** Replicas that answer this node now, itself included. */
      readonly reached: readonly string[];
      /** Of those, where they say it: which members of the cluster they are. */
      readonly lives?: Readonly<Record<string, string>>;
      /** Number of the highest term that this node's replica has seen, where that is above `expectedTerm`: another half of a pair granted it. Else 0. */
      readonly seenTerm: number;
    }
  /** The primary of `term` only: compare-and-set on (volume, term, expectedVersion). */
  | {
      readonly kind: 'volume-set';
      readonly volume: string;
      readonly node: string;
      readonly term: Term;
      readonly expectedVersion: number;
      readonly members: readonly string[];
      /** Of those that it adds: which members of the cluster were seen to have everything. */
      readonly lives?: Readonly<Record<string, string>>;
      readonly reason: string;
    }
  /** The operator's word: the copy on `node` is to go on, although it may lack acknowledged writes. Nobody else's copy counts any more. */
  | { readonly kind: 'volume-accept-loss'; readonly volume: string; readonly node: string }
  /** The leader, of an asynchronous volume with `asyncTakeover: auto` whose set is lost: the copy on `node` goes on without its newest writes. */
  | {
      readonly kind: 'volume-give-up';
      readonly volume: string;
      readonly node: string;
      readonly expectedVersion: number;
      readonly leaderTerm: number;
    }
  /**
   * The facade of `node`, for an operator: what the replica there is to do next. Agreed on first, so that nothing is asked of a replica that
   * would cost acknowledged writes, and everybody can read who asked for it.
   */
  | {
      readonly kind: 'volume-order';
      readonly volume: string;
      readonly node: string;
      readonly order: VolumeOrder;
    }
  /** The primary: every replica has this size now. */
  | {
      readonly kind: 'volume-grown';
      readonly volume: string;
      readonly node: string;
      readonly sizeBytes: number;
    }
  /** The primary, for people: at most every two seconds. */
  | {
      readonly kind: 'volume-report';
      readonly volume: string;
      readonly node: string;
      readonly summary: readonly ReplicaReport[];
    };

export type GroupCommand =
  | { readonly kind: 'group-maintenance'; readonly group: string; readonly on: boolean }
  | { readonly kind: 'group-desire'; readonly group: string; readonly desired: 'started' | 'stopped' }
  | {
      readonly kind: 'group-move';
      readonly group: string;
      readonly to: string | null;
      readonly reason: string;
      /** False for an operator's move: he wants it there, so nothing brings it back. */
      readonly displaces: boolean;
    }
  /**
   * The leader gives the group to a node. Its duty before: the previous owner has let go, or can hold no
   * lease any more (`leader/takeover.ts`).
   */
  | {
      readonly kind: 'group-assign';
      readonly group: string;
      readonly expectedEpoch: number;
      readonly owner: string;
      readonly reason: string;
      readonly displaced: boolean;
      readonly leaderTerm: number;
    }
  /** The leader: the lost owner can hold no lease any more, and nobody takes the group over at once. */
  | {
      readonly kind: 'group-expired';
      readonly group: string;
      readonly expectedEpoch: number;
      readonly reason: string;
      readonly leaderTerm: number;
    }
  /** The leader: a group without owner that nobody may run now; `reason` says why. */
  | {
      readonly kind: 'group-unplaceable';
      readonly group: string;
      readonly expectedEpoch: number;
      readonly reason: string;
      readonly leaderTerm: number;
    }
  /** The leader: failures older than their window no longer count. */
  | {
      readonly kind: 'failures-forget';
      readonly group: string;
      readonly ids: readonly number[];
      readonly leaderTerm: number;
    }
  /** The owner, about its work. `blocked`: a stop failed, so nobody else may start it. */
  | {
      readonly kind: 'group-phase';
      readonly group: string;
      readonly node: string;
      readonly epoch: number;
      readonly phase: 'starting' | 'online' | 'stopping' | 'blocked';
      readonly reason: string;
      readonly resources: readonly ResourceSummary[];
      /** How long the whole start took, when this tells that it is over. */
      readonly tookMs?: number;
    }
  /** A node about a group that it does not own: what of it is there all the same; nothing: not any more. */
  | {
      readonly kind: 'group-strays';
      readonly group: string;
      readonly node: string;
      readonly startId: string;
      readonly resources: readonly string[];
      readonly failure: string;
    }
  /** The owner: everything of it is proven stopped here. `failed`: it could not keep it running. */
  | {
      readonly kind: 'group-released';
      readonly group: string;
      readonly node: string;
      readonly epoch: number;
      readonly outcome: 'stopped' | 'failed';
      readonly reason: string;
      /** How long the whole stop took. */
      readonly tookMs?: number;
    }
  /** A drill of a group that is online: its owner begins to write records in `directory`. */
  | {
      readonly kind: 'drill-begin';
      readonly group: string;
      readonly drill: string;
      readonly directory: string;
    }
  /** The owner: records written (before it lets go), or found (on the next node). */
  | {
      readonly kind: 'drill-report';
      readonly group: string;
      readonly node: string;
      readonly epoch: number;
      readonly drill: string;
      readonly acknowledged?: number;
      readonly found?: number;
    }
  | { readonly kind: 'drill-end'; readonly group: string; readonly drill: string }
  /** The owner. `gaveUp`: its restarts are used up, the group is to leave this node. */
  | {
      readonly kind: 'resource-failed';
      readonly group: string;
      readonly node: string;
      readonly epoch: number;
      readonly resource: string;
      readonly reason: string;
      readonly gaveUp: boolean;
    };

export type FenceCommand =
  /** The leader about a lost node (`leaderTerm`), or the facade for an operator (null). */
  | {
      readonly kind: 'fence-request';
      readonly node: string;
      readonly reason: string;
      readonly leaderTerm: number | null;
    }
  /** The leader: whose monitor does it. `attempt` is one more than the last. */
  | {
      readonly kind: 'fence-assign';
      readonly node: string;
      readonly executor: string;
      readonly attempt: number;
      readonly leaderTerm: number;
    }
  /** The leader: the executor was lost before it answered; what it did is unknown. */
  | {
      readonly kind: 'fence-abandon';
      readonly node: string;
      readonly attempt: number;
      readonly leaderTerm: number;
    }
  /** The leader: it is not wanted any more, the node is heard again and nobody has begun. */
  | { readonly kind: 'fence-cancel'; readonly node: string; readonly leaderTerm: number }
  /** The executor. Confirmed: that life of the node has ended, whatever its leases say. */
  | {
      readonly kind: 'fence-done';
      readonly node: string;
      readonly executor: string;
      readonly attempt: number;
      readonly confirmed: boolean;
      readonly reason: string;
    }
  /** The operator's word that a node's life has ended: he has looked. */
  | { readonly kind: 'node-stopped'; readonly node: string; readonly startId: string; readonly how: string };

export type LogCommand =
  /** The operator: the log is to move to where the configuration says, or back into the nodes. */
  | { readonly kind: 'log-move'; readonly to: 'embedded' | 'etcd' }
  /** A node about itself: it reaches where the log goes. */
  | { readonly kind: 'log-ready'; readonly node: string; readonly epoch: number }
  /** The leader: a node that is heard is not ready in time. */
  | {
      readonly kind: 'log-stay';
      readonly epoch: number;
      readonly leaderTerm: number;
      readonly reason: string;
    }
  /** The leader, when every lease has a long grace and every node that is heard is ready: the last entry of this epoch's log. */
  | { readonly kind: 'log-seal'; readonly epoch: number; readonly leaderTerm: number }
  /** The first entry of a new epoch's log, by its first leader. */
  | { readonly kind: 'log-begin'; readonly epoch: number }
  /** A node about itself: it has followed. */
  | { readonly kind: 'log-follow'; readonly node: string; readonly epoch: number }
  /** The leader: no long grace can run any more. */
  | { readonly kind: 'log-settled'; readonly epoch: number; readonly leaderTerm: number };

export type AccessCommand =
  | { readonly kind: 'token-add'; readonly hash: string; readonly token: JoinToken }
  /** Refused when unknown, or expired at the proposer's `atMs`; removes it. */
  | { readonly kind: 'token-use'; readonly hash: string }
  | { readonly kind: 'account-put'; readonly account: Account }
  | { readonly kind: 'account-remove'; readonly name: string };
