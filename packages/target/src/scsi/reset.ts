/** Ending tasks of initiators on a logical unit. */
import { whenAll } from '@eterne/base';
import type { Sense } from '@eterne/iscsi';
import type { LogicalUnit } from './logical-unit.ts';
import type { ScsiRequest } from './scsi-request.ts';

/** `done` when no task on the unit of a port that is `wanted`, `except` one, can touch its medium any more, nor a copy that was begun on another unit. */
export function abortTasks(
  unit: LogicalUnit,
  wanted: (initiatorPort: string) => boolean,
  except: ScsiRequest | undefined,
  done: () => void,
): void {
  const isVictim = ({ initiatorPort }: { readonly initiatorPort: string }): boolean => wanted(initiatorPort);
  // Copies first: what is aborted may end one at once, which then tells nobody any more.
  const copies = [...unit.copiesHere].filter(isVictim).map((copy) => copy.stop.bind(copy));
  const tasks = [...unit.nexuses]
    .filter(isVictim)
    .map((nexus) => (ended: () => void) => nexus.abortTasks(unit, except, ended));
  whenAll([...copies, ...tasks], (end, ended) => end(ended), done);
}

export function abortEverywhere(unit: LogicalUnit, done: () => void): void {
  abortTasks(unit, () => true, undefined, done);
}

/** SAM-5 §6.3.3: tasks end, state goes back to its defaults, every initiator is told. */
export function resetUnit(unit: LogicalUnit, cause: Sense, done: () => void): void {
  abortEverywhere(unit, () => {
    unit.reset(cause);
    done();
  });
}
