/** What the service tells its heart: all that the agreed state says about who beats to whom, and where. */
import type { Profile } from '../state/model.ts';
import type { MemberAddress } from '../node/identity.ts';
import type { HeartDisk } from './slot-disk.ts';

export interface HeartMember extends MemberAddress {
  /** Which machine of that name the member is; null or absent: not everybody says it. */
  readonly life?: string | null;
  /** Number of its slot on every heartbeat disk; null or absent: it has none. */
  readonly slot?: number | null;
}

export interface HeartSetup {
  /** This node included. */
  readonly members: readonly HeartMember[];
  /** Absent: `lan`, in what was written before there was another. */
  readonly profile?: Profile;
  /** Every member reads whose rhythm a slot of a heartbeat disk says its writer keeps. Absent: not all do. */
  readonly rhythmOnDisks?: boolean;
  /** A large cluster, in which not everybody beats fast to everybody (quiet.ts). Absent: not so. */
  readonly quiet?: boolean;
  /** Those that this node reaches. */
  readonly disks: readonly HeartDisk[];
}
