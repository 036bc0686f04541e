/** Programs of another age than this one, for tests: the first one, and the next one with an addition that is made up of what is really there. */
import assert from 'node:assert/strict';
import { EterneError } from '@eterne/base';
import type { Command } from '../../../src/state/commands.ts';
import { ADDITIONS, type Addition, FIRST_LEVEL, LEVELS, Levels } from '../../../src/state/levels.ts';

export const FIRST = new Levels(ADDITIONS, FIRST_LEVEL);

/** As if nobody had known these before: an entry, fields of the state and of entries, and a value. */
export const ADDITION: Addition = {
  level: LEVELS.program + 1,
  feature: 'Maintenance of the whole cluster',
  entries: ['cluster-maintenance'],
  fields: [
    { path: 'state.maintenance', usual: false },
    { path: 'state.groups.*.spec.watch', usual: {} },
    { path: 'configure.changes.*=group-put.spec.watch', usual: {} },
  ],
  values: [
    { path: 'configure.changes.*=group-put.spec.onStopFailure', value: 'kill' },
    { path: 'state.groups.*.spec.onStopFailure', value: 'kill' },
  ],
};

/** What the program after this one knows. */
export const NEXT = new Levels([...ADDITIONS, ADDITION]);

/** What a program of an age makes of an entry that `newer` wrote, if it knows nothing of the additions between them. */
export function checkEntry(bytes: Buffer, older: Levels, newer: Levels): void {
  const { level = 1, command } = JSON.parse(bytes.toString('utf8')) as { level?: number; command: Command };
  if (level > older.program) return;
  if (newer.levelOf(command) > older.program)
    throw new EterneError('needs-upgrade', `it knows nothing of ${command.kind}`);
  assert.deepEqual(newer.entryAsOf(command, older.program), command, 'it has fields that are unknown');
}
