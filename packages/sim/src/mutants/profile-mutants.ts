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
        'this.stickyUntilMs = Math.max(this.stickyUntilMs, nowMs + this.holdMs);',
        'this.stickyUntilMs = nowMs + this.timing.electionMinMs;',
      ],
    ],
  }),
  profile('a restart forgets what was promised to a leader', {
    file: 'cluster/src/raft/core.ts',
    edits: [
      ['this.#holdEndsMs = nowMs + hard.holdMs;', 'this.#holdEndsMs = nowMs + config.timing.electionMinMs;'],
    ],
  }),
  profile('a take-over waits for the new profile’s grace while the old one’s runs', {
    file: 'cluster/src/service/timing.ts',
    edits: [
      [
        'goneGraceMs: Math.max(timing.graceMs, before.graceMs)',
        'goneGraceMs: Math.min(timing.graceMs, before.graceMs)',
      ],
    ],
  }),
];
