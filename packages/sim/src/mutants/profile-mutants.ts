/** Bugs in the change of profile while the cluster runs: what must come before what (docs/internals/profiles.md). */
import type { Change, Mutant } from './registry.ts';

const HEARTBEATS = 'cluster/src/raft/heartbeats.ts';

function profile(name: string, ...changes: readonly Change[]): Mutant {
  return { name, scenario: 'profile', changes };
}

export const PROFILE_MUTANTS: readonly Mutant[] = [
  profile('longer leases are granted before the voters hold still for as long', {
    file: HEARTBEATS,
    edits: [['core.promise(body.holdMs, nowMs);', 'core.promise(Math.min(700, body.holdMs), nowMs);']],
  }),
  profile('elections are shorter before the longer leases are over', {
    file: 'cluster/src/raft/core.ts',
    edits: [
      [
        '    this.stickyUntilMs = Math.max(this.stickyUntilMs, nowMs + holdMs);\n    if (holdMs',
        '    this.stickyUntilMs = nowMs + holdMs;\n    if (holdMs',
      ],
      [
        'this.stickyUntilMs = Math.max(this.stickyUntilMs, nowMs + this.#askedMs);',
        'this.stickyUntilMs = nowMs + this.timing.electionMinMs;',
      ],
      ['Math.max(this.timing.electionMinMs, this.holdMs)', 'this.timing.electionMinMs'],
    ],
  }),
];
