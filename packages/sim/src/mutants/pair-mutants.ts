/** Bugs that a pair with a tie-breaker on a shared disk shows. */
import type { Change, Mutant } from './registry.ts';

const VOTER = 'cluster/src/raft/tie/tie-voter.ts';

function pair(name: string, ...changes: readonly Change[]): Mutant {
  return { name, scenario: 'pair', changes };
}

export const PAIR_MUTANTS: readonly Mutant[] = [
  pair('the tie-breaker votes without looking at what it has confirmed', {
    file: VOTER,
    edits: [
      ['return isNewer(own, candidate) || isNewer(other, candidate);', 'return isNewer(own, own);'],
      ['after.term < message.term && !isNewer(after, candidate)', 'after.term < message.term'],
    ],
  }),
  pair('the tie-breaker votes although a leader lives by it', {
    file: VOTER,
    edits: [
      ['if ((isSticky && !body.transfer) || lacksSomething', 'if (lacksSomething'],
      [
        'return !isSticky && !lacksSomething({ own, other }, body);',
        'return !lacksSomething({ own, other }, body);',
      ],
      ['return !moved && after.term', 'return after.term'],
    ],
  }),
  pair('the tie-breaker does not remember what it confirms', {
    file: VOTER,
    edits: [
      [
        'counter: own.counter + 1, term, lastTerm, lastIndex, holdMs }',
        'counter: own.counter + 1, term, holdMs }',
      ],
    ],
  }),
  pair('a new leader forgets the leases of the one before', {
    file: 'cluster/src/service/leader/lease-book.ts',
    edits: [['Math.max(this.#electedAtBootMs, ', 'Math.max(Number.NEGATIVE_INFINITY, ']],
  }),
];
