/** What this node knows at the moment: the agreed state, and its own observations. Duties read it; only the core writes it. */
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { ProofHeld } from '../raft/tie/proof-record.ts';
import type { TieKind } from '../raft/tie/tie-id.ts';
import type { PathStatus, WatchdogReport } from '../ports.ts';
import type { ClusterState, DaemonPids } from '../state/model.ts';
import type { LeadershipView, LeaseTable, Now } from './effects.ts';
import type { ServiceTiming } from './timing.ts';

export interface View {
  readonly self: string;
  /** New with every start of this node (not of the service). */
  readonly startId: string;
  now: Now;
  timing: ServiceTiming;
  state: ClusterState;
  /** Everything committed before this start is applied. Until then `state` may be an old one: nobody acts on it or shows it as current. */
  caughtUp: boolean;
  leadership: LeadershipView;
  /** Nodes the heart hears, this one included; undefined until it has spoken once. */
  alive: ReadonlySet<string> | undefined;
  paths: readonly PathStatus[];
  /** This node's own rights; undefined until the heart has spoken once. */
  leases: LeaseTable | undefined;
  disk: {
    connected: boolean;
    /** Undefined until the connected disk process has spoken once. */
    volumes: ReadonlyMap<string, VolumeStatus> | undefined;
    /** Volume → why this node's replica of it could not be opened. */
    problems: ReadonlyMap<string, string>;
  };
  /** What the heart last said of it. */
  watchdog: WatchdogReport | undefined;
  pids: DaemonPids | undefined;
  /** The log's tie-breaker; undefined: it has none. For people only: Raft counts it by itself. */
  tie: TieView | undefined;
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
}

/** May this node run `group` in `epoch` right now, and for how long still? Negative when the right has lapsed. */
export function leaseRemainingMs(view: View, group: string, epoch: number): number {
  const lease = view.leases?.get(group);
  return lease?.epoch === epoch ? lease.validUntilBootMs - view.now.bootMs : Number.NEGATIVE_INFINITY;
}
