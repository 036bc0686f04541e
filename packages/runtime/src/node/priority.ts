import { setPriority } from 'node:os';

/** Among ordinary programs the first to be scheduled, by far; real time would let a loop of ours stop the machine. */
const NICENESS = -15;

/**
 * For daemons whose lateness ends rights: they work little, but in time also on a busy machine. Needs root (CAP_SYS_NICE); without it they run as
 * everybody does. Children inherit it.
 */
export function raisePriority(): void {
  try {
    setPriority(NICENESS);
  } catch {
    // EACCES, EPERM: not root
  }
}
