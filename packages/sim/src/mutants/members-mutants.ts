/** Bugs in how members of the cluster and of its log come, go and count. */
import type { Change, Mutant } from './registry.ts';

const MEMBERS = 'cluster/src/raft/members.ts';
const VOTERS = 'cluster/src/node/voters.ts';

function members(name: string, ...changes: readonly Change[]): Mutant {
  return { name, scenario: 'members', changes };
}

export const MEMBERS_MUTANTS: readonly Mutant[] = [
  members('a third voter takes the place of the tie-breaker in a single change', {
    file: MEMBERS,
    edits: [
      [
        "return sorted([...others, { id: change.id, role: 'successor' }]);",
        "return sorted([...others.filter(({ id }) => !isTie(id)), { id: change.id, role: 'voter' }]);",
      ],
    ],
  }),
  members('the tie-breaker goes on voting beside a third voter', {
    file: VOTERS,
    edits: [
      ['if (tie && tieKindOf(tie.id) !== kind)', 'if (tie && voting.length < 2)'],
      ["return { kind: 'succeed', id };", "return { kind: 'promote', id };"],
    ],
  }),
  members('what a learner says counts', {
    file: MEMBERS,
    edits: [
      [
        'ballot.filter(has).length >=',
        "members.filter(({ id, role }) => (role === 'learner' || ballot.includes(id)) && has(id)).length >=",
      ],
      [
        'const values = ballot.map(of)',
        "const values = members.flatMap(({ id, role }) => (role === 'learner' || ballot.includes(id) ? of(id) : []))",
      ],
    ],
  }),
  members('whoever comes under a name is the voter of that name', {
    file: 'cluster/src/raft/types.ts',
    edits: [['return `${node}#${life}`;', "return `${node}#${node.startsWith('~') ? life : ''}`;"]],
  }),
  members('a half is not told any more from the moment that its tie-breaker is to go', {
    file: 'cluster/src/raft/tie/tie-transport.ts',
    edits: [['return [...members, ...membersBefore];', 'return [...members, ...membersBefore.slice(0, 0)];']],
  }),
  members(
    'who holds the tie-breaker and is to leave does not wait for the other',
    {
      file: VOTERS,
      edits: [
        [
          "return silenced === undefined ? { kind: 'remove', id: tie.id } : undefined;",
          "return { kind: 'remove', id: silenced === undefined ? tie.id : id };",
        ],
        [
          'if (change === undefined || !canDecideAfter(change, logMembers, seen)) continue',
          'if (!change) continue',
        ],
        [
          "return change.id === seen.self ? { kind: 'hand-over', to: heirsOf(logMembers, others, seen) } : change;",
          'return change;',
        ],
      ],
    },
    {
      file: 'cluster/src/raft/node.ts',
      edits: [['isTie(id) || role.rounds.hasAnswered(id, round)', 'isTie(id) || round > 0']],
    },
  ),
  // Below feature level 5 only the places tell them apart.
  members('whoever has the name of a member is heard as that one', {
    file: 'cluster/src/heart/peer.ts',
    edits: [
      ['return this.life === null || this.life === life;', 'return true;'],
      ['if (isNew && !this.#isToldAt(way.remote) && this.#isKnownElsewhere(way, nowMs))', 'if (nowMs < 0)'],
    ],
  }),
  members('a node may be removed while a group runs there', {
    file: 'cluster/src/state/apply-member.ts',
    edits: [
      [
        "if (group) return refuse(state, 'refused', `group",
        "if (!group) ''; else if (group.owner === '') return refuse(state, 'refused', `group",
      ],
      [
        "if (volume) return refuse(state, 'refused', `volume",
        "if (volume && name === '') return refuse(state, 'refused', `volume",
      ],
    ],
  }),
];
