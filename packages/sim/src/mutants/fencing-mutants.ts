/** Bugs in fencing, and in a tie-breaker that is a proof that the other node has stopped. */
import type { Change, Mutant } from './registry.ts';

const PLAYER = 'cluster/src/raft/tie/proof-player.ts';

function fencing(name: string, ...changes: readonly Change[]): Mutant {
  return { name, scenario: 'fencing', changes };
}

export const FENCING_MUTANTS: readonly Mutant[] = [
  fencing('a node that has just started goes on alone without having met the other', {
    file: PLAYER,
    edits: [
      ['if (!this.#hasMet) return this.#meet(peer);', ''],
      [
        "this.#state.kind === 'free' && this.#peer === peer && this.#hasMet;",
        "this.#state.kind === 'free' && this.#peer === peer;",
      ],
    ],
  }),
  fencing('the other node is listened to while the tie-breaker is held', {
    file: PLAYER,
    edits: [["if (!isPeers || this.#state.kind === 'free') return false;", 'return false && isPeers;']],
  }),
  fencing('a fence is confirmed when the node is on again, for whoever has asked by then', {
    file: 'cluster/src/fencing/fencer.ts',
    edits: [
      ['if (proof) for (const answer', 'if (result) for (const answer'],
      ['answer(proof)', 'answer(proof ?? result)'],
      ['present.run?.answersNewcomers ?? true', 'present'],
    ],
  }),
  fencing('what could not be switched off counts as off', {
    file: 'cluster/src/service/pair/prover.ts',
    edits: [['      confirmed\n        ? { how', "      confirmed || reason !== ''\n        ? { how"]],
  }),
];
