/** Bugs that only programs of different age show. The name says what is broken. */
import type { Change, Mutant } from './registry.ts';

const STATE = 'cluster/src/state';
const SERVICE = 'cluster/src/service';

function upgrade(name: string, ...changes: readonly Change[]): Mutant {
  return { name, scenario: 'upgrade', changes };
}

export const UPGRADE_MUTANTS: readonly Mutant[] = [
  upgrade(
    'the feature level is raised before every member has told it',
    {
      file: `${STATE}/apply.ts`,
      edits: [['if (level > commonLevel(state)) return', 'if (level > state.level + 1) return']],
    },
    {
      file: `${STATE}/levels.ts`,
      edits: [
        [
          'return Math.min(...Object.values(members).map(({ level }) => level));',
          'return Math.max(...Object.values(members).map(({ level }) => level));',
        ],
      ],
    },
  ),
  upgrade(
    'an entry is proposed below its feature level',
    {
      file: `${SERVICE}/service.ts`,
      edits: [['if (early) return', 'if (early && early.code !== "needs-upgrade") return']],
    },
    {
      file: `${STATE}/codec.ts`,
      edits: [
        ["assert(needed <= level, 'nothing is proposed below its feature level');", ''],
        ['needed > FIRST_LEVEL ? { level: needed } : {}', 'needed > level ? {} : { level: needed }'],
        ['command: levels.entryAsOf(command, level) }', 'command }'],
      ],
    },
  ),
  upgrade('a snapshot holds what its feature level does not know', {
    file: `${STATE}/codec.ts`,
    edits: [['state: levels.stateAsOf(state, state.level) }', 'state }']],
  }),
  upgrade(
    'a program goes on above its own feature level',
    {
      file: `${STATE}/codec.ts`,
      edits: [['if (level > levels.program) throw', 'if (level > levels.program + 100) throw']],
    },
    {
      file: `${SERVICE}/service.ts`,
      edits: [['command.level > levels.program;', 'command.level > levels.program + 100;']],
    },
  ),
];
