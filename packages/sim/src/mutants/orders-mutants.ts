/** Bugs that only show when people give orders. */
import { inOneFile } from './in-one-file.ts';
import type { Mutant } from './registry.ts';

const orders = inOneFile('orders');

export const ORDERS_MUTANTS: readonly Mutant[] = [
  orders('the last replica that holds everything may be taken out', 'cluster/src/state/apply-configure.ts', [
    'if (inSyncSet.version > 0 && !inSyncSet.members.some(stays))',
    'if (false)',
  ]),
];
