/** What a status, a plan and what a node sees around itself really say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { judgeAddress, judgeLink, judgeReadOnly } from '@eterne/cluster/monitor/watch/judge.ts';
import type { ServiceCore } from '@eterne/cluster/service/core.ts';
import { parseDocument } from '@eterne/cluster/service/config/document.ts';
import { planDocument } from '@eterne/cluster/service/config/plan.ts';
import { clusterStatus } from '@eterne/cluster/service/status.ts';
import type { View } from '@eterne/cluster/service/view.ts';
import { FakeCluster, group, volume } from '../../../cluster/test/service/fake-cluster.ts';
import { runningState } from '../../../cluster/test/state/founded.ts';
import { saidText } from '../../src/i18n/said/said-text.ts';
import { assertChinese } from './chinese.ts';

const made = new FakeCluster(['n1', 'n2', 'n3']);
made.configure(
  [volume('data', ['n1', 'n2']), { ...volume('far', ['n1', 'n2']), mode: 'async' }],
  [group('db', ['n1', 'n2'], 'data'), group('web', ['n1', 'n2'], 'far')],
);
made.untilOnline('db', 'n1');
made.untilOnline('web', 'n1');
const { core } = made.machine('n1').service;
const LIVE = core.view;

const TIE = { kind: 'solo', votes: true, trouble: 'no reference address answers', held: undefined } as const;
const parted = (solo: object): Partial<View> => ({
  tie: { ...TIE, solo: { parted: solo } } as unknown as NonNullable<View['tie']>,
});
const inState = (part: Partial<View['state']>): Partial<View> => ({ state: { ...LIVE.state, ...part } });
const theirs = { node: 'n2' };

const VIEWS: Readonly<Record<string, Partial<View>>> = {
  'one is lost': { alive: new Set(['n1', 'n3']) },
  'the owner is lost': { alive: new Set(['n3']), self: 'n3' },
  'the owner is cut off': {
    alive: new Set(['n3']),
    self: 'n3',
    paths: [{ peer: 'n1', kind: 'disk', path: 'disk', up: true } as View['paths'][number]],
  },
  'not quorate': { leadership: { ...LIVE.leadership, quorate: false } },
  'whole maintenance': inState({ maintenance: true }),
  'no watchdog': { watchdog: { trouble: '/dev/watchdog does not exist' } as NonNullable<View['watchdog']> },
  'tie-breaker': { tie: { ...TIE, kind: 'disk' } },
  'tie-breaker cannot be made': {
    tieTrouble: 'no majority of the voters is there',
    leadership: { ...LIVE.leadership, isLeader: true },
    ...inState({ config: { ...LIVE.state.config, tieBreaker: { kind: 'disk', device: '/dev/x' } as never } }),
  },
  'alone by a fence': {
    tie: { ...TIE, held: { how: 'fenced by n1: it is not heard, and owns db' } } as NonNullable<View['tie']>,
  },
  'parted, nothing in common': parted({}),
  'parted by word': parted({ survivor: 'mine' }),
  'parted, mine goes on': parted({ survivor: 'mine', theirs }),
  'parted, the other by word': parted({ survivor: 'theirs' }),
  'parted, theirs goes on': parted({ survivor: 'theirs', mine: { node: 'n1' }, theirs }),
  log: { logTrouble: 'the log cannot move: no majority of the voters is there' },
  'log moves': inState({ log: { ...LIVE.state.log, phase: 'moving' } }),
  etcd: inState({ log: { ...LIVE.state.log, consensus: { engine: 'etcd' } as never } }),
  replica: { disk: { ...LIVE.disk, problems: new Map([['data', '/srv/data.img does not exist']]) } },
  'older program': inState({
    members: { ...LIVE.state.members, n2: { ...LIVE.state.members['n2'], level: 0 } as never },
  }),
  troubles: inState({
    members: {
      ...LIVE.state.members,
      n2: {
        ...LIVE.state.members['n2'],
        diskTroubles: ['it has not been read yet'],
        troubles: [{ kind: 'link', subject: 'eth0', detail: 'eth0 has no carrier' }],
      } as never,
    },
  }),
  'not caught up': { caughtUp: false },
};
for (const [name, volumes] of Object.entries({
  'out of sync': { inSyncSet: { version: 3, members: ['n1'] } },
  'split brain': {
    summary: [
      {
        node: 'n2',
        disk: 'Unknown',
        dirtyBytes: 0,
        lagBytes: null,
        lagMs: null,
        hasUntilMs: null,
        splitBrain: true,
      },
    ],
  },
  growing: { spec: { ...LIVE.state.volumes['data']?.spec, sizeBytes: 2 << 20 } },
}))
  (VIEWS as Record<string, Partial<View>>)[name] = inState({
    volumes: { ...LIVE.state.volumes, data: { ...LIVE.state.volumes['data'], ...volumes } as never },
  });

/** As if the service had seen this. */
function withView(part: Partial<View>): ServiceCore {
  return {
    view: { ...LIVE, ...part },
    growthProblem: () => 'n2 is not connected',
    fenceTroubles: ['The fence device of n2 cannot be used from here: fence_ipmilan is not installed.'],
    grantedRemainingMs: () => null,
  } as unknown as ServiceCore;
}

for (const [name, part] of Object.entries(VIEWS))
  test(`status: ${name}`, () => {
    const { warnings, groups } = clusterStatus(withView(part));
    assert.ok(warnings.length > 0);
    for (const warning of warnings) assertChinese(warning);
    for (const { reason } of groups) if (reason !== '') assertChinese(reason);
  });

test('warnings read well', () => {
  const of = (part: Partial<View>): readonly string[] =>
    clusterStatus(withView(part)).warnings.map((warning) => saidText(warning, 'zh'));
  assert.ok(of({ alive: new Set(['n1', 'n3']) }).includes('n2 失联。'));
  assert.ok(of(VIEWS['troubles'] ?? {}).includes('n2：网口 eth0 链路不通。'));
  assert.ok(
    of(VIEWS['split brain'] ?? {}).includes('镜像卷 data 发生脑裂（n2）：请打开该卷的页面查看两侧的改动。'),
  );
  assert.ok(of(VIEWS['growing'] ?? {}).includes('镜像卷 data 尚未扩容到 2 MiB：n2 未连接。'));
});

test('what a node sees of what groups stand on', () => {
  const link = { ifname: 'eth0', flags: ['BROADCAST'] };
  const mounts = [{ device: '/dev/sda1', directory: '/srv', isReadOnly: true }];
  const seen = [
    judgeLink('eth0', undefined),
    judgeLink('eth0', { ...link, flags: ['UP'] }),
    judgeLink('eth0', link),
    judgeAddress('10.0.0.1', new Map()),
    judgeReadOnly('/srv', '/var/lib/eterne', mounts),
  ];
  for (const { is, detail } of seen) {
    assert.equal(is, 'trouble');
    assertChinese(detail);
  }
});

const PLANS: Readonly<Record<string, unknown>> = {
  volume: {
    volumes: [{ name: 'logs', size: '64MiB', replicas: { n1: '/srv/logs.img', n2: '/srv/logs.img' } }],
  },
  parts: {
    volumes: [
      {
        name: 'db2',
        parts: [
          { name: 'data', size: '64MiB', replicas: { n1: '/a', n2: '/b' } },
          { name: 'wal', size: '32MiB', replicas: { n1: '/c', n2: '/d' } },
        ],
      },
    ],
  },
  grow: {
    volumes: [
      {
        name: 'data',
        size: '64MiB',
        initialSync: 'none',
        replicas: { n1: '/srv/data.img', n2: '/srv/data.img' },
      },
    ],
  },
  group: {
    groups: [
      { name: 'web', nodes: ['n1', 'n2'], resources: [{ name: 'app', type: 'app', command: ['/bin/app'] }] },
    ],
  },
  nodes: { nodes: [{ name: 'n1', capacity: { memory: '8GiB', cores: 4 } }] },
  cluster: { cluster: { timezone: 'Asia/Shanghai', onShutdown: 'freeze' } },
};
for (const [name, document] of Object.entries(PLANS))
  test(`plan: ${name}`, () => {
    const { steps } = planDocument(runningState(), parseDocument(document));
    assert.ok(steps.length > 0);
    for (const { sentence } of steps) assertChinese(sentence);
  });

const WRONG: readonly unknown[] = [
  { volumes: [{ name: 'a b', size: '64MiB', replicas: { n1: '/a' } }] },
  { volumes: [{ name: 'a', size: '5', replicas: { n1: '/a' } }] },
  { volumes: [{ name: 'a', size: 'big', replicas: { n1: '/a' } }] },
  { volumes: [{ name: 'a' }] },
  {
    volumes: [
      { name: 'a', size: '64MiB', replicas: { n1: '/a' } },
      { name: 'a', size: '64MiB', replicas: { n1: '/b' } },
    ],
  },
  { cluster: { timezone: 'Nowhere' } },
  { groups: [{ name: 'g', nodes: ['n1'], resources: [{ name: 'x', type: 'unknown' }] }] },
  { groups: [{ name: 'g', nodes: ['n1'], resources: [{ name: 'x', type: 'app' }] }] },
  {
    groups: [
      {
        name: 'g',
        nodes: ['n1'],
        resources: [{ name: 'x', type: 'ip', address: '10.0.0.1', interfaces: ['eth0'] }],
      },
    ],
  },
];
for (const document of WRONG)
  test(`refused: ${JSON.stringify(document)}`, () => {
    assert.throws(
      () => planDocument(runningState(), parseDocument(document)),
      (error: unknown) => {
        assert.ok(error instanceof EterneError);
        assertChinese(error.message);
        if (error.hint !== undefined) assertChinese(error.hint);
        return true;
      },
    );
  });
