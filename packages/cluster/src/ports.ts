/** The seams inside a node: what the service core sees of heart, monitor and log. The simulator implements each of them too. */
import type { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import type { DropCounts } from './heart/drops.ts';
import type { FenceOrder, FenceResult } from './fencing/order.ts';
import type { FenceDevice, WatchdogSpec } from './state/model.ts';
import type { Trouble, TroubleKind } from './state/watch.ts';

export interface PathStatus {
  readonly peer: string;
  /** Only `udp` carries messages; over a `disk` a node is merely seen to live. */
  readonly kind: 'udp' | 'disk';
  /** Name of the heartbeat path, for example `udp:10.0.0.1:7700-10.0.0.2:7700` or `disk:/dev/sdb`. */
  readonly path: string;
  /** Of `udp`: where it leads. */
  readonly remote?: Address;
  readonly up: boolean;
  readonly lossPercent: number;
  /** `udp`: a round trip; `disk`: an access of this node; null while down. */
  readonly latencyMs: number | null;
  /** Since the last beat that showed that both directions work; null: there was none. */
  readonly ageMs: number | null;
  /** Why this node cannot use the disk: a sentence; null for `udp`, and when it can. */
  readonly trouble: string | null;
  /** What seemed to come by this path and was not believed, since the heart's start. */
  readonly dropped: DropCounts;
}

/** A heart asks for the right to go on running what its node owns. `sentAtBootMs` is the asking node's own boot clock. */
export interface LeaseRequest {
  readonly node: string;
  /** Random per start of the heart's machine: a grant never crosses a reboot. */
  readonly bootId: string;
  readonly sequence: number;
  readonly sentAtBootMs: number;
}

/** Valid for `durationMs` counted from `request.sentAtBootMs` on the asking node's clock. */
export interface LeaseGrant {
  readonly request: LeaseRequest;
  readonly durationMs: number;
  readonly graceMs: number;
  /** Groups (with the epoch of their ownership) that the leader's applied log gives to this node. */
  readonly groups: readonly {
    readonly group: string;
    readonly epoch: number;
    readonly volumes: readonly string[];
  }[];
}

export interface WatchdogReport {
  /** What was wanted of the heart when it said this. */
  readonly of: WatchdogSpec | null;
  /** What it keeps to; null: none is armed. */
  readonly armedMs: number | null;
  /** Why none is although one is wanted: a sentence. */
  readonly trouble: string | null;
}

export interface HeartPort {
  /** Null: none is wanted, and what is armed is disarmed. */
  setWatchdog(spec: WatchdogSpec | null): void;
  onWatchdog(listener: (report: WatchdogReport) => void): void;
  /**
   * Nodes heard on at least one path that carries messages, the matrix, and everything that was dropped; on every change and once a second. A node
   * that is not among them may still be seen on a heartbeat disk (`paths`).
   */
  onLiveness(
    listener: (alive: ReadonlySet<string>, paths: readonly PathStatus[], dropped: DropCounts) => void,
  ): void;
  /** Lease requests of any node; only a leader answers, with `grant`. */
  onLeaseRequest(listener: (request: LeaseRequest) => void): void;
  grant(grant: LeaseGrant): void;
  /** Small datagrams for Raft-independent hints between services; at most 1 KiB, may be lost. */
  onLease(
    listener: (
      leases: ReadonlyMap<string, { readonly epoch: number; readonly validUntilBootMs: number }>,
    ) => void,
  ): void;
}

export type ResourceState = 'stopped' | 'starting' | 'running' | 'stopping' | 'failed' | 'unknown';

/** A resource ready to run: every `${…}` replaced. `params` is what its agent's schema says. */
export interface ResourceSpec {
  readonly group: string;
  readonly name: string;
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Of a mirror whose volume has parts: their names, in order. */
  readonly parts?: readonly string[];
}

export interface ActionResult {
  readonly ok: boolean;
  /** A sentence for the operator when not ok. */
  readonly reason: string;
  /** Values that later resources refer to as `${name.key}`, for example `device`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The monitor went away before it answered: what happened is unknown, probe to find out. */
  readonly lost?: true;
  /** Of a start that failed: what it needs is not on this node, or its place is somebody else's, so that there is nothing to be stopped. */
  readonly isMissing?: true;
}

export interface ResourceReport {
  readonly group: string;
  readonly resource: string;
  readonly state: ResourceState;
  readonly reason: string;
}

/**
 * Records of a drill in `directory`. `write`: begin, or go on, to write them, each on stable storage before the next; answered at once. `end`:
 * write no more, and tell how many there are. `count`: how many can be read, from the first without a gap.
 */
export interface DrillOrder {
  readonly verb: 'write' | 'end' | 'count';
  readonly group: string;
  readonly drill: string;
  readonly directory: string;
}

/** One thing to be watched. For `readOnly`, `full` and `memory` an empty subject means the node itself. */
export interface Look {
  readonly kind: TroubleKind;
  readonly subject: string;
}

/** What groups stand on, on this node. A monitor that was restarted has to be told again. */
export interface WatchOrder {
  readonly looks: readonly Look[];
  readonly fullPercent: number;
  readonly memoryPercent: number;
}

/** The monitor acts and watches; it decides nothing. */
export interface MonitorPort {
  start(resource: ResourceSpec, epoch: number, timeoutMs: number, done: (result: ActionResult) => void): void;
  stop(resource: ResourceSpec, timeoutMs: number, done: (result: ActionResult) => void): void;
  /** One check now, also on a resource this monitor never started. */
  probe(resource: ResourceSpec, done: (state: ResourceState) => void): void;
  /** Is something of it on this node, whoever started it? Undefined: that cannot be told. */
  find(resource: ResourceSpec, timeoutMs: number, done: (isHere: boolean | undefined) => void): void;
  /**
   * SIGKILL everything of the group, drop its addresses, mounts and attachments; no stop scripts. Done without an error means: nothing
   * that this node ever started of the group is left (at once when nothing was).
   */
  kill(group: string, done: (error: EterneError | undefined) => void): void;
  /** Switches another node off. Always answered, with `confirmed: false` when nothing is known. */
  fence(order: FenceOrder, done: (result: FenceResult) => void): void;
  /** Does one of the addresses answer an echo request? */
  ping(addresses: readonly string[], done: (reached: boolean) => void): void;
  /** Does a fence device answer? Undefined: it does. */
  checkFence(device: FenceDevice, done: (trouble: string | undefined) => void): void;
  drill(order: DrillOrder, done: (records: number | EterneError) => void): void;
  /** Replaces the order before. Done when the monitor has it. */
  watch(order: WatchOrder, done: (error: EterneError | undefined) => void): void;
  /** Everything that is not well of what it was told to watch; every few seconds and on change, once it has been told. */
  onTroubles(listener: (troubles: readonly Trouble[]) => void): void;
  /** At once, on a timer and on change, for everything started. A monitor that has not taken away yet what an earlier life of the node left says nothing. */
  onReport(listener: (reports: readonly ResourceReport[]) => void): void;
}

/** Who leads the log, as this node knows it now. */
export interface LogLeadership {
  /** Name of the leader's node; undefined when none is known. */
  readonly leader: string | undefined;
  readonly isLeader: boolean;
  readonly raftTerm: number;
  /** Leader only: on this node's boot clock, no other leader can exist before this. −Infinity otherwise. */
  readonly authorityUntilBootMs: number;
  /** This node is in contact with a majority: as leader its authority holds, as follower it hears the leader. */
  readonly quorate: boolean;
}

/** What a log needs to know of the state behind it: how commands are written down, and how a long history is replaced by its result. */
export interface LogSubject<Command> {
  encode(command: Command): Buffer;
  /** Throws for what this program cannot understand: to skip a command would make members disagree. */
  decode(bytes: Buffer): Command;
  /** The state as it is after the last `onApplied`. At most 63 MiB. */
  takeSnapshot(): Buffer;
  /** Replaces the state: before the first `onApplied` of a start, and when this node was too far behind. */
  restoreSnapshot(bytes: Buffer, index: number): void;
  /** `decode` or `restoreSnapshot` threw this: the log takes no further part. */
  stopped(error: EterneError): void;
}

/**
 * The ordered log: append → committed in one order everywhere. Embedded Raft is the default engine.
 * `Command` and `State` are the cluster's (`state/`).
 */
export interface OrderedLog<Command> {
  /** Calls back after the entry is committed **and applied here**, or with `no-quorum`/`not leader` errors; after `unknown` it may still commit. */
  append(
    command: Command,
    done: (
      result:
        | { readonly kind: 'applied'; readonly index: number }
        | { readonly kind: 'refused' | 'unknown'; readonly error: EterneError },
    ) => void,
  ): void;
  /** Applied entries, in order, exactly once per start (replayed from the snapshot on start). */
  onApplied(listener: (command: Command, index: number) => void): void;
  /** Calls back once everything committed before the call is applied here, or with an error. */
  readBarrier(done: (error: EterneError | undefined) => void): void;
  leadership(): LogLeadership;
  onLeadership(listener: () => void): void;
  /** Why it cannot be used now, where that is known: a sentence. */
  readonly trouble?: string | undefined;
}
