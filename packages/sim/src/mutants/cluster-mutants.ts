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
      [' || view.now.bootMs < resetBootMs(leader, owner))', ')'],
    ],
  }),
  cluster('a lease lasts longer than it was granted', {
    file: 'cluster/src/heart/lease-client.ts',
    edits: [
      ['sentAtMs + grant.durationMs, grant.graceMs', 'sentAtMs + 3_000 + grant.durationMs, grant.graceMs'],
    ],
  }),
  cluster('a majority of one', {
    file: 'cluster/src/raft/members.ts',
    edits: [['return values[majorityOf(ballot) - 1] ??', 'return values[0] ??']],
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
      file: `${SERVICE}/leader/data.ts`,
      edits: [
        [
          'inSyncSet.version === 0 || inSyncSet.members.includes(node)',
          'inSyncSet.version >= 0 || inSyncSet.members.includes(node)',
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
    edits: [
      [
        'return this.lastEndBootMs(node) + timing.goneGraceMs + timing.marginMs;',
        'return this.lastEndBootMs(node) - timing.marginMs;',
      ],
    ],
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
  cluster('a leader alone answers reads', {
    file: 'cluster/src/raft/reads.ts',
    edits: [
      ['read.round <= confirmed', 'read.round <= Math.max(confirmed, Infinity)'],
      ['read.round > confirmed', 'read.round > Math.max(confirmed, Infinity)'],
    ],
  }),
  cluster('a term is granted twice', {
    file: `${STATE}/apply-volume.ts`,
    edits: [['number: highest + 1, grantor', 'number: Math.max(1, highest), grantor']],
  }),
  cluster('a leader commits what it alone has', {
    file: 'cluster/src/raft/replication.ts',
    edits: [
      [
        'id === core.id ? core.log.stable : (leader.progress.get(id)?.match ?? 0)',
        'id === core.id || leader.progress.has(id) ? core.log.stable : 0',
      ],
    ],
  }),
  cluster('a term is forgotten in a restart', {
    file: 'cluster/src/raft/core.ts',
    edits: [['    this.term = hard.term;\n', '    this.term = Math.min(1, hard.term);\n']],
  }),
  cluster('applying an entry depends on more than the state', {
    file: `${STATE}/outcome.ts`,
    edits: [['    atMs: stamp.atMs,\n', '    atMs: stamp.atMs + Math.floor(Math.random() * 1000),\n']],
  }),
  cluster('the owner lets a group go while it runs', {
    file: `${SERVICE}/owner/next-step.ts`,
    edits: [
      [
        "const lastLeft = states.findLastIndex((state) => state !== 'stopped');",
        "const lastLeft = want === 'stop' ? -1 : states.findLastIndex((state) => state !== 'stopped');",
      ],
    ],
  }),
  cluster('the newest entries are forgotten when the log is read', {
    file: 'cluster/src/raft/storage/recover.ts',
    edits: [
      [
        '  return replay(records);\n',
        '  return replay(records.length > 8 ? records.slice(0, -4) : records);\n',
      ],
    ],
  }),
  cluster('a denied vote counts as granted', {
    file: 'cluster/src/raft/election.ts',
    edits: [['votes.get(id) === word', '(word ? votes.has(id) : votes.get(id) === word)']],
  }),
  cluster(
    'nothing ends when a lease lapses',
    {
      file: 'cluster/src/heart/guard.ts',
      edits: [
        ['deadline <= nowMs', 'deadline <= nowMs - 1e6'],
        ['...this.#deadlines.values()', '...[...this.#deadlines.values()].map((atMs) => atMs + 1e6)'],
      ],
    },
    {
      file: `${SERVICE}/owner/runner.ts`,
      edits: [['endedForMs <= view.timing.goneGraceMs ||', 'endedForMs <= view.timing.goneGraceMs + 1e6 ||']],
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
  cluster('leases do not end with the authority of their leader', {
    file: `${SERVICE}/leader/lease-book.ts`,
    edits: [
      ['Math.floor(Math.min(timing.leaseMs, authorityUntilBootMs - receivedBootMs))', 'timing.leaseMs'],
    ],
  }),
  cluster('voters vote although they hear a leader', {
    file: 'cluster/src/raft/core.ts',
    edits: [['return nowMs < this.stickyUntilMs;', 'return nowMs < 0;']],
  }),
  cluster('a rejected append counts as confirmed', {
    file: 'cluster/src/raft/replication.ts',
    edits: [['if (body.ok) confirmed(', 'if (body.ok || body.index > 0) confirmed(']],
  }),
];
