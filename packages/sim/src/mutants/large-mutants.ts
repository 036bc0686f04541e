/** Bugs in what begins at nine members (docs/internals/raft.md, section 3). */
import type { Mutant } from './registry.ts';

export const LARGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'whom a round of heartbeats passes over counts as if it had answered',
    scenario: 'large',
    changes: [
      {
        file: 'cluster/src/raft/heartbeats.ts',
        edits: [
          [
            'if (isInTurn && (place + round) % 2 === 1 && id !== leader.transfer?.to) continue;',
            'if (isInTurn && (place + round) % 2 === 1 && id !== leader.transfer?.to) { leader.rounds.answered(id, round); continue; }',
          ],
        ],
      },
    ],
  },
];
