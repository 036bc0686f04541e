/**
 * Target ports and their groups (SPC-4 §5.16.2). A plain target has one: all its portals lead to the same units in the same way. A mirrored volume has one
 * on each node: the primary's is the best, through the others commands are forwarded to it.
 */
export interface TargetPort {
  /** TARGET PORT GROUP and, in iSCSI, the portal group tag. */
  readonly group: number;
  /** RELATIVE TARGET PORT IDENTIFIER. */
  readonly relative: number;
  readonly state: AccessState;
}

export type AccessState = 'active-optimized' | 'active-non-optimized';

export const ONLY_PORT: TargetPort = { group: 1, relative: 1, state: 'active-optimized' };
