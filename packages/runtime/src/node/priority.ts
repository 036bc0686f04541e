import { readFileSync, writeFileSync } from 'node:fs';
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
    if (leadsSession()) writeFileSync('/proc/self/autogroup', String(NICENESS));
  } catch {
    // EACCES, EPERM: not root. ENOENT: a kernel without autogroups, where niceness alone counts.
  }
}

/**
 * Where the kernel schedules sessions against each other (sched(7), autogroups) niceness counts only within one, and the session has its own. Only
 * who has one to himself may raise it: a program in the foreground of a shell would raise the shell and all that it runs.
 */
function leadsSession(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // proc_pid_stat(5): after the name in brackets state, ppid, pgrp, session.
  const session = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3];
  return session === String(process.pid);
}
