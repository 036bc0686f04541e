/** Ending tasks of all initiators on a logical unit. */
import type { Sense } from '@eterne/iscsi';
import { endCopies } from './copy/running-copy.ts';
import type { LogicalUnit } from './logical-unit.ts';

/** `done` when no task that was on the unit can touch its medium any more. */
export function abortEverywhere(unit: LogicalUnit, done: () => void): void {
  const nexuses = [...unit.nexuses];
  let left = nexuses.length + 1;
  const ended = (): void => {
    left -= 1;
    if (left === 0) done();
  };
  for (const nexus of nexuses) nexus.abortTasks(unit, undefined, ended);
  endCopies(unit, () => true, ended);
}

/** SAM-5 §6.3.3: tasks end, state goes back to its defaults, every initiator is told. */
export function resetUnit(unit: LogicalUnit, cause: Sense, done: () => void): void {
  abortEverywhere(unit, () => {
    unit.reset(cause);
    done();
  });
}
