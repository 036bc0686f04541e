/** What the service tells a program of its own node that asks how the cluster is: for agents that would ask Pacemaker (`monitor/agents/ocf/questions`). */
import type { ResourceState } from '../ports.ts';

/** Of the service. */
export const PICTURE_CALL = 'picture';
/** Of the monitor: how everything that it has on record is now. */
export const REPORTS_CALL = 'reports';

export interface Picture {
  /** Who tells it. */
  readonly node: string;
  /** Everything that was decided before this start is in it. Else nothing of it but `node` means anything. */
  readonly isCurrent: boolean;
  /** `node` is in contact with a majority. Else what is decided may be another thing by now. */
  readonly isQuorate: boolean;
  /** Of the whole cluster. */
  readonly isMaintenance: boolean;
  /** Those that carry groups: no witnesses. By name. */
  readonly nodes: readonly PictureNode[];
  readonly resources: readonly PictureResource[];
}

export interface PictureNode {
  readonly name: string;
  /** Heard by `node`. */
  readonly isOnline: boolean;
  readonly isStandby: boolean;
  readonly isMaintenance: boolean;
  /** Not heard, and it may still run what it owns. */
  readonly isUnclean: boolean;
  readonly isLeader: boolean;
}

export interface PictureResource {
  readonly group: string;
  readonly name: string;
  /** `ocf:heartbeat:redis`, `ip` … */
  readonly type: string;
  /** It is promoted where it runs. */
  readonly isPromoted: boolean;
  /** Where it is, or may be; null: nowhere. */
  readonly owner: string | null;
  readonly state: ResourceState;
  readonly isManaged: boolean;
  readonly isWanted: boolean;
  /** Its failures on each node that are not forgotten yet. */
  readonly failures: Readonly<Record<string, number>>;
}
