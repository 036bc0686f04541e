/** Bugs that only show when people give orders. */
import type { Edit, Mutant } from './registry.ts';

function orders(name: string, file: string, ...edits: readonly Edit[]): Mutant {
  return { name, scenario: 'orders', changes: [{ file, edits }] };
}

export const ORDERS_MUTANTS: readonly Mutant[] = [
  orders('the last replica that holds everything may be taken out', 'cluster/src/state/apply-configure.ts', [
    'if (inSyncSet.version > 0 && !inSyncSet.members.some(stays))',
    'if (false)',
  ]),
  orders(
    'whoever is taken out of a volume that nobody serves stays in its set',
    'cluster/src/state/apply-configure.ts',
    [
      'const isReduced = primary === null && members.length < inSyncSet.members.length;',
      'const isReduced = false;',
    ],
  ),
];
