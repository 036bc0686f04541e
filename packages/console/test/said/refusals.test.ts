/** What the log's own rules really say when they refuse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '@eterne/cluster/state/apply.ts';
import type { Command, Stamp } from '@eterne/cluster/state/commands.ts';
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import { after, runningState } from '../../../cluster/test/state/founded.ts';
import { group, volume } from '../../../cluster/test/service/fake-cluster.ts';
import { saidText } from '../../src/i18n/said/said-text.ts';
import { assertChinese } from './chinese.ts';

const BASE = runningState();
const stamp: Stamp = { atMs: 0 };
const term = { number: 1, grantor: 'id' };

function order(verb: Extract<Command, { kind: 'volume-order' }>['order'], node = 'n1'): Command {
  return { kind: 'volume-order', volume: 'data', node, order: verb, ...stamp };
}

const move = (to: string | null, name = 'db'): Command => ({
  kind: 'group-move',
  group: name,
  to,
  reason: 'x',
  displaces: false,
  ...stamp,
});
const acceptLoss = (name: string, node: string): Command => ({
  kind: 'volume-accept-loss',
  volume: name,
  node,
  ...stamp,
});
const configure = (...changes: Extract<Command, { kind: 'configure' }>['changes']): Command => ({
  kind: 'configure',
  changes,
  revision: BASE.revision,
  ...stamp,
});

const stopped = after(BASE, { kind: 'group-desire', group: 'db', desired: 'stopped', ...stamp });
const aloneInSync = after(BASE, {
  kind: 'volume-set',
  volume: 'data',
  node: 'n1',
  term,
  reason: '',
  expectedVersion: 1,
  members: ['n1'],
  ...stamp,
});
const withDb = (part: Partial<ClusterState['groups'][string]>): ClusterState => {
  const { db } = BASE.groups;
  assert.ok(db);
  return { ...BASE, groups: { db: { ...db, ...part } } };
};
const ownerless = withDb({ owner: null, phase: 'stopped', desired: 'stopped' });
const [db, data] = [group('db', ['n1', 'n2'], 'data'), volume('data', ['n1', 'n2'])];

const REFUSED: readonly (readonly [state: ClusterState, command: Command, chinese?: string])[] = [
  [BASE, { kind: 'node-mode', name: 'n9', mode: 'standby', ...stamp }, '没有节点 n9'],
  [BASE, { kind: 'node-mode', name: 'w1', mode: 'standby', ...stamp }, 'w1 是仲裁，只参与表决'],
  [BASE, { kind: 'member-remove', name: 'n9', ...stamp }],
  [BASE, { kind: 'member-remove', name: 'n1', ...stamp }, '资源组 db 仍在使用 n1'],
  [{ ...BASE, groups: {} }, { kind: 'member-remove', name: 'n1', ...stamp }, '镜像卷 data 在 n1 上仍有副本'],
  [
    BASE,
    { kind: 'fence-request', node: 'n1', reason: 'x', leaderTerm: null, ...stamp },
    '没有为 n1 配置隔离设备',
  ],
  [BASE, { kind: 'node-stopped', node: 'n1', startId: 'other', how: 'x', ...stamp }],
  [BASE, { kind: 'group-desire', group: 'no', desired: 'started', ...stamp }, '没有资源组 no'],
  [ownerless, move('n2'), '资源组 db 未在任何节点运行；请先启动'],
  [BASE, move('n1'), '资源组 db 已在 n1 上'],
  [BASE, move('w1'), '资源组 db 不可在 w1 上运行：该节点不在其节点列表中'],
  [
    withDb({ phase: 'blocked', reason: 'app could not be stopped: timed out' }),
    move('n2'),
    '资源组 db 受阻：app 无法停止：timed out',
  ],
  [withDb({ maintenance: true }), move('n2'), '资源组 db 不切换：资源组处于维护中'],
  [BASE, order({ verb: 'verify', fast: false, repair: false }, 'w1'), '镜像卷 data 在 w1 上没有副本'],
  [BASE, order({ verb: 'connect', peer: 'n1' })],
  [BASE, order({ verb: 'invalidate' }), '镜像卷 data 正由 n1 提供服务；请先切换或停止其资源组'],
  [aloneInSync, order({ verb: 'resolve', peer: 'n2', discard: 'local' })],
  [
    { ...aloneInSync, volumes: { data: { ...aloneInSync.volumes['data'], primary: null } } } as ClusterState,
    order({ verb: 'resolve', peer: 'n2', discard: 'local' }),
  ],
  [
    { ...aloneInSync, volumes: { data: { ...aloneInSync.volumes['data'], primary: null } } } as ClusterState,
    order({ verb: 'invalidate' }),
    '只有 n1 拥有镜像卷 data 的全部已确认写入',
  ],
  [BASE, acceptLoss('no', 'n1'), '没有镜像卷 no'],
  [BASE, acceptLoss('data', 'n2'), '资源组 db 正在 n1 上使用镜像卷 data；请先停止它'],
  [ownerless, acceptLoss('data', 'w1')],
  [ownerless, acceptLoss('data', 'n1')],
  [BASE, configure({ kind: 'group-delete', name: 'db' }), '删除资源组 db 前请先将其停止'],
  [BASE, configure({ kind: 'group-delete', name: 'no' })],
  [stopped, configure({ kind: 'volume-delete', name: 'data' }), '镜像卷 data 正被资源组 db 使用'],
  [BASE, configure({ kind: 'volume-delete', name: 'no' })],
  [BASE, { kind: 'configure', changes: [], revision: 99, ...stamp }, '配置已被他人更改；请重新检查'],
  [
    BASE,
    configure({ kind: 'group-put', spec: { ...db, resources: [] } }),
    '更改资源组 db 的资源前请先将其停止',
  ],
  [
    BASE,
    configure({ kind: 'group-put', spec: { ...db, nodes: ['n2'] } }),
    '资源组 db 正在 n1 上运行；请先将其切走',
  ],
  [BASE, configure({ kind: 'group-put', spec: { ...db, nodes: ['n1', 'w1'] } })],
  [BASE, configure({ kind: 'group-put', spec: { ...group('web', ['n1', 'n1']) } })],
  [BASE, configure({ kind: 'group-put', spec: group('web', []) }), '资源组 web 没有节点'],
  [
    BASE,
    configure({ kind: 'group-put', spec: group('web', ['n1', 'n2'], 'data') }),
    '镜像卷 data 被资源组 db 和 web 同时使用',
  ],
  [
    BASE,
    configure({ kind: 'group-put', spec: group('web', ['n1'], 'no') }),
    '资源组 web 使用了不存在的镜像卷 no',
  ],
  [
    BASE,
    configure({
      kind: 'group-put',
      spec: { ...group('web', ['n1']), rules: { with: ['no'], apart: [], after: [] } },
    }),
  ],
  [
    BASE,
    configure({
      kind: 'group-put',
      spec: { ...group('web', ['n1']), rules: { with: ['db'], apart: ['db'], after: [] } },
    }),
  ],
  [BASE, configure({ kind: 'volume-put', spec: { ...data, sizeBytes: 4096 } })],
  [BASE, configure({ kind: 'volume-put', spec: { ...data, mode: 'async' } })],
  [
    BASE,
    configure({ kind: 'volume-put', spec: { ...data, replicas: [{ node: 'n2', device: '/srv/data.img' }] } }),
    '镜像卷 data 正由 n1 提供服务；请先切换其资源组',
  ],
  [
    BASE,
    configure({
      kind: 'volume-put',
      spec: {
        ...data,
        replicas: [
          { node: 'n1', device: '/srv/other.img' },
          { node: 'n2', device: '/srv/data.img' },
        ],
      },
    }),
  ],
  [
    BASE,
    configure({ kind: 'volume-put', spec: volume('logs', ['n1', 'n9']) }),
    '镜像卷 logs 指定了 n9，而它不是此群集的节点',
  ],
  [
    BASE,
    configure({
      kind: 'volume-put',
      spec: { ...volume('logs', ['n1']), replicas: [{ node: 'n1', device: '/srv/data.img' }] },
    }),
    '镜像卷 data 和 镜像卷 logs 位于 n1 的同一磁盘 /srv/data.img',
  ],
  [
    BASE,
    configure({
      kind: 'cluster',
      config: {
        ...BASE.config,
        edition: 'ha',
        fencing: [{ node: 'n9', agent: 'fence_ipmilan', params: {}, secrets: [] } as never],
      },
    }),
    '隔离设备 fence_ipmilan 指定了 n9，而它不是此群集的节点',
  ],
  [BASE, { kind: 'log-move', to: 'embedded', ...stamp }, '日志已由 embedded 保存'],
  [BASE, { kind: 'log-move', to: 'etcd', ...stamp }, '配置中没有 etcd：cluster.consensus'],
  [BASE, { kind: 'account-remove', name: 'no', ...stamp }, '没有账户 no'],
];

for (const [state, command, chinese] of REFUSED)
  test(`refused: ${JSON.stringify(command).slice(0, 100)}`, () => {
    const { refused } = apply(state, command);
    assert.ok(refused !== undefined, 'it is refused');
    assertChinese(refused.message);
    if (chinese !== undefined) assert.equal(saidText(refused.message, 'zh'), chinese);
  });
