/**
 * What the daemons and their launcher tell each other over the launcher's unix socket:
 *
 *   to the launcher    call spawn    start a resource's process       → its pid and start time
 *                      call restart  kill a daemon that hangs; it is started again
 *                      call fatal    this daemon cannot work at all: the whole node ends with this sentence
 *                      call ending   does the whole node end?         → true or false
 *                      call leaving  the service still stops its groups, each within its own time
 *   from the launcher  note pids     process ids of the daemons, at once and on every change
 *                      note exit     a resource's process has ended
 */
import type { FamilyExit, FamilyOptions } from '../monitor/spawner.ts';
import type { DaemonName } from './layout.ts';

export type DaemonPids = Readonly<Record<DaemonName, number | null>>;

export type ToLauncher =
  | { readonly call: 'spawn'; readonly options: FamilyOptions }
  | { readonly call: 'ending' }
  | { readonly call: 'leaving' }
  | { readonly call: 'restart'; readonly daemon: DaemonName; readonly pid: number; readonly reason: string }
  | {
      readonly call: 'fatal';
      readonly daemon: DaemonName;
      readonly message: string;
      readonly hint?: string;
      readonly isConfig: boolean;
      /** Somebody else holds what it needs, perhaps not for long. */
      readonly mayPass: boolean;
      /** No other try can help, whatever it did before: the program itself has to be another. */
      readonly isFinal: boolean;
    };

export type FromLauncher =
  { readonly note: 'pids'; readonly pids: DaemonPids } | { readonly note: 'exit'; readonly exit: FamilyExit };
