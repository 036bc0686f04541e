/** What the monitor knows about one type of resource. Each agent is a folder: its parameters, and how to start, stop and probe it. */
import type { BridgeCommand } from '@eterne/disk/attach/iscsi-bridge.ts';
import type { DirectoryUsers, FrameSender, ProcessTrees, World } from '@eterne/runtime';
import type { GuardedProcess } from '../../heart/guard.ts';
import type { Fields } from '../../node/fields.ts';
import type { ActionResult, ResourceSpec, ResourceState } from '../../ports.ts';
import type { Spawner } from '../spawner.ts';

export type HandsWorld = Pick<World, 'clock' | 'timers' | 'network' | 'files' | 'processes' | 'log'> & {
  readonly processTrees: ProcessTrees;
};

/** What an agent works with. */
export interface Hands {
  readonly world: HandsWorld;
  readonly spawner: Spawner;
  readonly frames: FrameSender;
  readonly directories: DirectoryUsers;
  /** How a volume is attached through the kernel's iSCSI initiator; absent: it cannot be. */
  readonly iscsiBridge?: BridgeCommand;
  /** The name of this node. */
  readonly node: string;
  /** Its DIR. */
  readonly dir: string;
}

/** One resource under work. */
export interface Job<Params> {
  readonly spec: ResourceSpec;
  readonly params: Params;
  /** `NAME=value` that goes into the environment of everything started for it; see `ProcessTrees`. */
  readonly mark: string;
  /** Remembered across a restart of the monitor. */
  readonly processes: readonly GuardedProcess[];
  /** Remembers them, durably, before `done`. */
  keep(processes: readonly GuardedProcess[], done: () => void): void;
}

export type Started = (result: ActionResult) => void;

export interface CheckResult {
  readonly state: ResourceState;
  /** A sentence when it is not running. */
  readonly reason: string;
}

export interface CheckSpec {
  readonly name: 'quick' | 'deep';
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface Agent<Params> {
  readonly type: string;
  /** Throws `config` with one sentence. The caller calls `end()`. */
  parse(fields: Fields): Params;
  /** Done when it serves, or with the reason why it does not. Idempotent. */
  start(hands: Hands, job: Job<Params>, timeoutMs: number, done: Started): void;
  /** Done when nothing of it is left. Idempotent, also for what was never started. */
  stop(hands: Hands, job: Job<Params>, timeoutMs: number, done: Started): void;
  checks(params: Params): readonly CheckSpec[];
  check(hands: Hands, job: Job<Params>, check: CheckSpec, done: (result: CheckResult) => void): void;
  /**
   * Is something of it on this node, whoever started it? Undefined: that cannot be told. Absent: it is nothing but processes that this
   * monitor has on record.
   */
  find?(hands: Hands, job: Job<Params>, timeoutMs: number, done: (isHere: boolean | undefined) => void): void;
  /**
   * After its processes were killed: takes away what outlives processes (addresses, mounts, attachments), as far as it goes. `done` hears
   * what is left, or an empty text.
   */
  abandon(hands: Hands, job: Job<Params>, done: (failure: string) => void): void;
}

export const succeeded = (outputs: Readonly<Record<string, string>> = {}): ActionResult => ({
  ok: true,
  reason: '',
  outputs,
});
export const failed = (reason: string): ActionResult => ({ ok: false, reason, outputs: {} });
export const missing = (reason: string): ActionResult => ({ ...failed(reason), isMissing: true });
export const RUNNING: CheckResult = { state: 'running', reason: '' };
