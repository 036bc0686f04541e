/**
 * The words of Raft as used here. "Thesis" in this folder is D. Ongaro, "Consensus: Bridging Theory and Practice" (2014).
 * All times are milliseconds on the boot clock of the node itself, handed in by the caller; the state machine reads no clock.
 */
import type { Members } from './members.ts';

/**
 * Name of one life of one node's log: the node's name, `#`, and what the life was given when it joined (`n1#6f1c…`). A node that lost its
 * log joins anew under another. At most 128 bytes.
 */
export type MemberId = string;
/** Raft's term; rises with every election. Not a volume's term. 0 before the first. */
export type RaftTerm = number;
/** Position in the log, from 1. */
export type LogIndex = number;

export function memberIdOf(node: string, life: string): MemberId {
  return `${node}#${life}`;
}

/** The node on which a member lives: `n1#6f1c…` → `n1`. */
export function nodeOfMember(id: MemberId): string {
  return id.split('#', 1)[0] ?? id;
}

export type EntryKind = 'noop' | 'command' | 'members';

/** One entry of the log. `data` is empty for `noop`, a complete membership for `members`. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: RaftTerm;
  readonly kind: EntryKind;
  readonly data: Buffer;
}

/** The result of every entry up to and including `index`. */
export interface Snapshot {
  readonly index: LogIndex;
  readonly term: RaftTerm;
  readonly members: Members;
  readonly data: Buffer;
}

/** What must survive a crash beside the entries (thesis figure 3.1); `commit` is a hint that saves waiting at start. */
export interface HardState {
  readonly term: RaftTerm;
  /** Whom this node voted for in `term`. */
  readonly vote: MemberId | undefined;
  readonly commit: LogIndex;
  /** The longest hold that this node has promised and may still have to keep (heartbeats.ts). */
  readonly holdMs: number;
}

/** The times of each profile, with their reasons, are in profiles.ts. */
export interface RaftTiming {
  readonly heartbeatMs: number;
  /** Nobody votes within this time of hearing a leader (the hold that it asks for, heartbeats.ts), or of its own start. */
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  /** What two boot clocks may drift apart within `electionMinMs`, with room to spare. */
  readonly driftMarginMs: number;
  /** A successor that was told to stand is given so long; leases granted before outlast this together with their grace. */
  readonly toldMs: number;
}

/** What a heartbeat asks for that does not say it, and a log file promises that does not say it. Part of both formats. */
export const UNSAID_HOLD_MS = 700;
/** Nobody asks for a longer one; a message or file that names one is damaged. */
export const HOLD_MAX_MS = 60_000;

/** A log entry's data may not be longer. */
export const ENTRY_MAX_BYTES = 1024 * 1024;
/** One append carries at most this much data, or a single entry. */
export const APPEND_MAX_BYTES = 256 * 1024;
export const APPEND_MAX_ENTRIES = 1024;
/** Appends sent to one follower and not yet answered. */
export const INFLIGHT_MAX = 64;
/** The leader takes no further proposals while this much is not committed. */
export const UNCOMMITTED_MAX_BYTES = 8 * 1024 * 1024;
export const SNAPSHOT_CHUNK_BYTES = 256 * 1024;
export const SNAPSHOT_MAX_BYTES = 64 * 1024 * 1024;
/** Reads that wait for a quorum's confirmation on the leader. */
export const PENDING_READS_MAX = 1024;
