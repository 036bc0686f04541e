/** Every bound of the target in one place. An initiator that ignores them gets an error or is cut; it never gets memory. */
import { KIB, MIB } from '@eterne/base';

/** Commands of one session that may be unanswered: MaxCmdSN − ExpCmdSN + 1 (RFC 7143 §4.2.2.1). */
export const COMMAND_WINDOW = 128;
/** Commands marked immediate are outside the window, so they have a bound of their own. */
export const MAX_IMMEDIATE_COMMANDS = 32;

/** MAXIMUM TRANSFER LENGTH: longest READ or WRITE. */
export const MAX_TRANSFER_BYTES = 16 * MIB;
/** Data of the commands of one session that may be in memory at once, beyond which they wait for each other. */
export const MAX_BYTES_IN_FLIGHT = 32 * MIB;
/** Unsolicited data of one write: FirstBurstLength (RFC 7143 §13.14). */
export const FIRST_BURST_BYTES = 256 * KIB;
/** Data of one R2T or one sequence of Data-In: MaxBurstLength (RFC 7143 §13.13). */
export const MAX_BURST_BYTES = 4 * MIB;

/** What stores and mirrors underneath work in: smaller or unaligned writes cost them a read. Atomic writes are whole ones of these. */
export const PHYSICAL_BLOCK_BYTES = 4 * KIB;
/** Of `physicalBlockSize`: what lies underneath may work in larger pieces, as RAID stripes or ZFS volumes do. */
export const MAX_PHYSICAL_BLOCK_BYTES = 1 * MIB;
/** MAXIMUM ATOMIC TRANSFER LENGTH: longest WRITE ATOMIC. */
export const MAX_ATOMIC_BYTES = 1 * MIB;

/** Largest range given to a device at once by UNMAP, WRITE SAME and SANITIZE. */
export const MAX_RANGE_BYTES = 32 * MIB;
/** Written at once by SANITIZE OVERWRITE, so that the pace is kept evenly. */
export const OVERWRITE_PIECE_BYTES = 1 * MIB;
/** Written between two notes of how far a SANITIZE has come, which a restart goes on from. */
export const SANITIZE_CHECKPOINT_BYTES = 256 * MIB;
/** Read at once by VERIFY. */
export const VERIFY_PIECE_BYTES = 256 * KIB;
/** MAXIMUM COMPARE AND WRITE LENGTH is one byte. */
export const MAX_COMPARE_AND_WRITE_BLOCKS = 255;
/** MAXIMUM WRITE SAME LENGTH. */
export const MAX_WRITE_SAME_BLOCKS = 0xffff;
export const MAX_UNMAP_DESCRIPTORS = 256;
export const MAX_UNMAP_BLOCKS = 0x10_0000;
/** Longest list of parameters that any command takes. */
export const MAX_PARAMETER_BYTES = 64 * KIB;

/** Persistent reservation registrations of one logical unit. */
export const MAX_REGISTRATIONS = 256;
/** Unit attentions one I_T nexus may have pending on a logical unit; further ones of a kind that is pending already add nothing. */
export const MAX_ATTENTIONS = 16;

/** Answers of one connection that are gathered before they are given to its stream; with more no further request is looked at. */
export const MAX_GATHERED_BYTES = 16 * MIB;

/** Connections of one portal. */
export const MAX_CONNECTIONS = 256;
/** Time from connecting to the full feature phase. */
export const LOGIN_TIMEOUT_MS = 30_000;
/** Read of a connection before it is handed over to the process of its target: a login request, or few. */
export const MAX_HANDED_OVER_BYTES = 60 * KIB;
/** Login requests in one login; an honest one has fewer than ten. */
export const MAX_LOGIN_REQUESTS = 64;
/** Time an initiator gets to close its side after we have closed ours. */
export const LINGER_TIMEOUT_MS = 5_000;
/** Time initiators get to log out of a target that is closing, whole seconds (RFC 7143 §11.9). */
export const LOGOUT_WAIT_MS = 1_000;
/** A session that is silent for so long is asked whether it lives; silent again, it is cut. */
export const IDLE_PING_MS = 45_000;
