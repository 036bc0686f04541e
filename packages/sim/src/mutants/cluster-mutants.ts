/** Bugs in consensus, leases, decisions and the agreed state. The name says what is broken. */
import type { Change, Mutant } from './registry.ts';

const SERVICE = 'cluster/src/service';
const STATE = 'cluster/src/state';

function cluster(name: string, ...changes: readonly Change[]): Mutant {
  return { name, scenario: 'cluster', changes };
}

export const CLUSTER_MUTANTS: readonly Mutant[] = [
  cluster('a take-over does not wait for the lease to end', {
    file: `${SERVICE}/leader/decide.ts`,
    edits: [
      ['if (view.now.bootMs < leader.leases.provenGoneBootMs(owner, view.timing)) return undefined;', ''],
    ],
  }),
  cluster('a lease lasts longer than it was granted', {
    file: 'cluster/src/heart/lease-client.ts',
    edits: [
      ['sentAtMs + grant.durationMs, grant.graceMs', 'sentAtMs + 3_000 + grant.durationMs, grant.graceMs'],
    ],
  }),
  cluster(
    'nothing ends when a lease lapses',
    {
      file: 'cluster/src/heart/guard.ts',
      edits: [['deadline <= nowMs', 'deadline <= nowMs - 1e6']],
    },
    {
      file: 'disk/src/engine/primary/lease.ts',
      edits: [
        [
          '    this.#validUntilBootMs = validUntilBootMs;\n',
          '    this.#validUntilBootMs = validUntilBootMs + 1e6;\n',
        ],
      ],
    },
  ),
  cluster(
    'leases do not end with the leader’s authority, and voters are not sticky',
    {
      file: `${SERVICE}/leader/lease-book.ts`,
      edits: [
        [
          'Math.min(timing.leaseMs, authorityUntilBootMs - receivedBootMs)',
          'timing.leaseMs + 0 * authorityUntilBootMs',
        ],
      ],
    },
    {
      file: 'cluster/src/raft/core.ts',
      edits: [
        [
          'return nowMs - this.heardLeaderMs < this.config.timing.electionMinMs;',
          'return nowMs - this.heardLeaderMs < 0;',
        ],
      ],
    },
  ),
  cluster('a majority of one', {
    file: 'cluster/src/raft/members.ts',
    edits: [['return values[quorumOf(members) - 1] ??', 'return values[0] ??']],
  }),
  cluster('the ordered log is not synced', {
    file: 'cluster/src/raft/storage/log-store.ts',
    edits: [['else file.handle.sync(finish);', 'else finish(undefined);']],
  }),
  cluster(
    'a promotion may go to a replica outside the set',
    {
      file: `${STATE}/apply-volume.ts`,
      edits: [
        [
          'volume.inSyncSet.version > 0 && !volume.inSyncSet.members.includes(command.node)',
          'volume.inSyncSet.version < 0',
        ],
      ],
    },
    {
      file: `${SERVICE}/leader/placement.ts`,
      edits: [
        [
          'return volume && `does not hold every acknowledged write of volume ${volume}`;',
          'return undefined;',
        ],
      ],
    },
  ),
  cluster('a set change needs neither term nor version', {
    file: `${STATE}/apply-volume.ts`,
    edits: [
      ['volume.primary !== command.node || !sameTerm(volume.term, command.term)', 'false'],
      [
        'if (command.expectedVersion !== inSyncSet.version)',
        'if (command.expectedVersion > inSyncSet.version)',
      ],
    ],
  }),
  cluster('stopping an application only pretends', {
    file: 'cluster/src/monitor/agents/family.ts',
    edits: [
      [
        '  const { clock, timers, processes, processTrees } = hands.world;\n',
        '  if (timeoutMs > 0) return hands.world.timers.soon(() => done(succeeded()));\n  const { clock, timers, processes, processTrees } = hands.world;\n',
      ],
    ],
  }),
  cluster('a take-over does not wait for the grace', {
    file: `${SERVICE}/leader/lease-book.ts`,
    edits: [['return lastEnd + timing.graceMs + timing.marginMs;', 'return lastEnd - timing.marginMs;']],
  }),
  cluster('a new leader forgets the leases of the one before', {
    file: `${SERVICE}/leader/lease-book.ts`,
    edits: [['Math.max(this.#electedAtBootMs, ', 'Math.max(Number.NEGATIVE_INFINITY, ']],
  }),
  cluster('a log that lacks entries may lead', {
    file: 'cluster/src/raft/election.ts',
    edits: [
      [
        "    core.role.kind !== 'leader' &&\n    core.log.isUpToDate(body.lastIndex, body.lastTerm);\n",
        "    core.role.kind !== 'leader';\n",
      ],
      [
        '    core.leaderId === undefined &&\n    core.log.isUpToDate(body.lastIndex, body.lastTerm);\n',
        '    core.leaderId === undefined;\n',
      ],
    ],
  }),
  cluster('entries are applied before they are committed', {
    file: 'cluster/src/raft/log.ts',
    edits: [['const to = Math.min(this.#committed, this.#stable);', 'const to = this.#stable;']],
  }),
  cluster('a follower confirms entries that are not on its disk', {
    file: 'cluster/src/raft/replication.ts',
    edits: [
      [
        "core.sendAfterPersist(message.from, {\n      kind: 'append-reply',",
        "core.send(message.from, {\n      kind: 'append-reply',",
      ],
    ],
  }),
  cluster('a leader alone answers reads', {
    file: 'cluster/src/raft/reads.ts',
    edits: [
      ['read.round <= confirmed', 'read.round <= Math.max(confirmed, Infinity)'],
      ['read.round > confirmed', 'read.round > Math.max(confirmed, Infinity)'],
    ],
  }),
  cluster('a term is granted twice', {
    file: `${STATE}/apply-volume.ts`,
    edits: [['number: volume.term.number + 1, grantor', 'number: Math.max(1, volume.term.number), grantor']],
  }),
  cluster('a set change is answered before it is committed', {
    file: `${SERVICE}/arbiter.ts`,
    edits: [["if (result.kind !== 'applied') {", "if (result.kind === 'refused') {"]],
  }),
  cluster('a promotion counts replicas that it does not reach', {
    file: `${STATE}/apply-volume.ts`,
    edits: [['(command.reached.includes(member) && member !== volume.crashed)', 'member !== command.node']],
  }),
  cluster('an assignment overtakes another', {
    file: `${STATE}/apply-group.ts`,
    edits: [
      [
        '  if (group.epoch !== command.expectedEpoch)\n    return refuse(state,',
        '  if (group.epoch < 0)\n    return refuse(state,',
      ],
      [
        "if (command.leaderTerm !== state.leaderTerm) return refuse(state, 'conflict', 'that leadership is over');",
        '',
      ],
    ],
  }),
];
