/** Bugs that a pair shows of which either node goes on alone. */
import { inOneFile } from './in-one-file.ts';
import type { Edit, Mutant } from './registry.ts';

const PLAYER = 'cluster/src/raft/tie/solo-player.ts';
const VOLUMES = 'cluster/src/state/apply-volume.ts';
const UNASKED: Edit = ['Math.max(volume.term.number, command.seenTerm)', 'volume.term.number'];
const REWIND = 'cluster/src/raft/tie/rewind.ts';

const halves = inOneFile('halves');

export const HALVES_MUTANTS: readonly Mutant[] = [
  halves('a parted half is listened to', PLAYER, [
    "return kind === 'same';",
    "return kind === 'same' || kind === 'parted';",
  ]),
  halves('who was alone gives that up before the other has written down that it follows', PLAYER, [
    "return kind === 'same';",
    "return kind === 'same' || kind === 'behind';",
  ]),
  halves('the half that gives way keeps its log', REWIND, [
    'rewound(before, parted)',
    'rewound(parted, parted)',
  ]),
  halves('what a half decided is not kept', REWIND, [
    'files.writeFileAtomic(aside, content, 0o600, done)',
    'files.writeFileAtomic(aside, content.subarray(0, content.length / 2), 0o600, done)',
  ]),
  halves(
    'a half gives way under a running application',
    'cluster/src/service/pair/giving-way.ts',
    ['leave(STOP_TIMEOUT_MS, () => this.#stopped());', 'this.#stopped();'],
    ['if (!hasLetGo()) {', 'if (!hasLetGo() && STOP_TIMEOUT_MS === 0) {'],
  ),
  halves(
    'a service that was started anew gives its half up before it has looked at what runs',
    'cluster/src/service/core.ts',
    ['return this.#hasLooked && this.hasLeft();', 'return this.hasLeft();'],
    ['if (!this.#hasLooked && this.#mayRun())', "if (this.view.self === '')"],
  ),
  {
    name: 'a replica takes a lower term than it has seen',
    scenario: 'halves',
    changes: [
      { file: VOLUMES, edits: [UNASKED] },
      {
        file: 'disk/src/engine/promotion.ts',
        edits: [
          ['if (granted.term.number < term.number)', 'if (granted.term.number < 0)'],
          ['if (granted.term.number === term.number && granted', 'if (granted.term.number < 0 && granted'],
        ],
      },
    ],
  },
  halves('the cluster grants terms while a node is alone', 'cluster/src/state/apply-half.ts', [
    'return grantor ?? clusterId;',
    "return grantor === '' ? grantor : clusterId;",
  ]),
  halves(
    'a half that has lost its disk takes the term of the one that serves',
    'disk/src/engine/link/after-handshake.ts',
    ["(decision.row === '4' && isAhead(mine, theirs))", 'isAhead(mine, mine)'],
  ),
];
