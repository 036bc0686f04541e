/** Who starts what must outlive the monitor: the launcher in production, which is their parent and takes them with it when it dies. */
import type { EterneError } from '@eterne/base';
import type { GuardedProcess } from '../heart/guard.ts';
import type { RunAs } from '../node/identity-prefix.ts';

export interface FamilyOptions extends RunAs {
  readonly command: readonly [string, ...string[]];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Where its output goes, appended. */
  readonly logPath: string;
  /** Not begun after that, by this machine's boot clock: whoever starts it may get to it late. Absent: whenever. */
  readonly untilBootMs?: number;
}

export interface FamilyExit {
  readonly process: GuardedProcess;
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Spawner {
  /** In its own session. `done` comes for certain, however late: a program that nobody knows of would run beside the next one. */
  spawn(options: FamilyOptions, done: (result: GuardedProcess | EterneError) => void): void;
  onExit(listener: (exit: FamilyExit) => void): void;
}
