/** What this node knows at the moment: the agreed state, and its own observations. Duties read it; only the core writes it. */
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { Members } from '../raft/members.ts';
import type { MemberId } from '../raft/types.ts';
import type { ProofHeld } from '../raft/tie/proof-record.ts';
import type { SoloSeen } from '../raft/tie/solo-player.ts';
import type { TieKind } from '../raft/tie/tie-id.ts';
import type { DropCounts } from '../heart/drops.ts';
import type { PathStatus, WatchdogReport } from '../ports.ts';
import type { Levels } from '../state/levels.ts';
import type { ClusterState, DaemonPids, Member } from '../state/model.ts';
import type { LeadershipView, LeaseTable, Now } from './effects.ts';
import type { CurrentTiming } from './timing.ts';

export interface View {
  readonly self: string;
  /** Which member of this name this node is. */
  readonly life: string;
  /** New with every start of this node (not of the service). */
  readonly startId: string;
  /** What this node's program knows. */
  readonly levels: Levels;
  now: Now;
  timing: CurrentTiming;
  state: ClusterState;
  /** Everything committed before this start is applied. Until then `state` may be an old one: nobody acts on it or shows it as current. */
  caughtUp: boolean;
  leadership: LeadershipView;
  /**
   * Nodes that messages reach by what the heart hears, this one included; undefined until it has spoken once. Without the other node of a pair as long as this one goes on
   * alone, and without who was left out: they may be heard again and yet follow another log.
   */
  alive: ReadonlySet<string> | undefined;
  paths: readonly PathStatus[];
  /** Messages that this node's heart did not believe. */
  dropped: DropCounts;
  /** … and its log's transport. */
  logDropped: DropCounts;
  /** This node's own rights; undefined until the heart has spoken once. */
  leases: LeaseTable | undefined;
  disk: {
    connected: boolean;
    /** Undefined until the connected disk process has spoken once. */
    volumes: ReadonlyMap<string, VolumeStatus> | undefined;
    /** Volume → why this node's replica of it could not be opened. */
    problems: ReadonlyMap<string, string>;
  };
  /** This node's monitor has spoken once: what an earlier life left here is taken away (monitor/leftovers.ts). */
  monitored: boolean;
  /** What the heart last said of it. */
  watchdog: WatchdogReport | undefined;
  pids: DaemonPids | undefined;
  /** The log's tie-breaker; undefined: it has none. Raft counts it by itself. */
  tie: TieView | undefined;
  /** As of the last `refresh`, for people. Empty where the log is not kept by the nodes. */
  logMembers: Members;
  /** Why the ordered log cannot be used, or followed where it goes: a sentence, for people. */
  logTrouble: string | undefined;
  /** Why the tie-breaker that is configured cannot be made; the leader's. */
  tieTrouble: string | undefined;
  /** The node is being stopped: it lets go of everything, whether or not the cluster hears of it. */
  leaving: boolean;
}

export interface TieView {
  readonly kind: TieKind;
  /** It counts for majorities. */
  readonly votes: boolean;
  /** Why it does not answer this node; undefined when it does. */
  readonly trouble: string | undefined;
  /** This node alone may use it, because its peer is certain to have stopped. */
  readonly held: ProofHeld | undefined;
  /** Of a pair that prefers availability. */
  readonly solo?: SoloSeen | undefined;
  /** Whom this node has left out, by an operator's word (raft/tie/barred.ts). */
  readonly barred?: ReadonlySet<MemberId>;
  /** Who has left this node out. */
  readonly leftOutBy?: MemberId | undefined;
}

/** This node; undefined: it is no member, also where another machine is by this name now. */
export function ownMember({ life, self, state }: Pick<View, 'life' | 'self' | 'state'>): Member | undefined {
  const member = state.members[self];
  return member?.voterId === life ? member : undefined;
}

/** It goes on alone, and the log does not say so yet: nothing may be granted in the name of what both were. */
export function isUnsaid({ tie, state }: Pick<View, 'tie' | 'state'>): boolean {
  const half = tie?.solo?.half;
  return half !== undefined && state.grantor !== half.id;
}

/** May this node run `group` in `epoch` right now, and for how long still? Negative when the right has lapsed. */
export function leaseRemainingMs(view: View, group: string, epoch: number): number {
  const lease = view.leases?.get(group);
  return lease?.epoch === epoch ? lease.validUntilBootMs - view.now.bootMs : Number.NEGATIVE_INFINITY;
}

/** Over the network, by this node. A leader that goes on alone counts the other one as away all the same. */
export function isHeard({ alive, paths }: Pick<View, 'alive' | 'paths'>, node: string): boolean {
  return (
    alive?.has(node) === true || paths.some(({ peer, kind, up }) => peer === node && kind === 'udp' && up)
  );
}

/** On a heartbeat disk, by this node. */
export function isSeen({ paths }: View, node: string): boolean {
  return paths.some(({ peer, kind, up }) => peer === node && kind === 'disk' && up);
}

/** No message reaches it, but its heart is seen to live on a heartbeat disk: by this node, or by one that this node hears (a witness sees nothing itself). */
export function isCutOff(view: View, node: string): boolean {
  const { alive, state } = view;
  if (alive === undefined || alive.has(node)) return false;
  const others = Object.values(state.members).filter(({ name }) => alive.has(name));
  return isSeen(view, node) || others.some(({ sees }) => sees.includes(node));
}

/** Why this node cannot use heartbeat disks that were configured for it: sentences. */
export function diskTroubles({ paths }: Pick<View, 'paths'>): readonly string[] {
  return [...new Set(paths.flatMap(({ trouble }) => trouble ?? []))];
}
