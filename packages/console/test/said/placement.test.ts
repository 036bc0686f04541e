/** What the functions that place groups, explain and rehearse really say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainGroup } from '@eterne/cluster/service/explain.ts';
import type { FailureSimulation, SimulationRequest } from '@eterne/cluster/service/facade.ts';
import { orderObstacle } from '@eterne/cluster/service/leader/company.ts';
import { place } from '@eterne/cluster/service/leader/placement.ts';
import { simulate } from '@eterne/cluster/service/simulate.ts';
import { heldBy } from '@eterne/cluster/state/held.ts';
import type { ClusterState, GroupState, VolumeState } from '@eterne/cluster/state/model.ts';
import { NO_RULES } from '@eterne/cluster/state/model.ts';
import { strayObstacle } from '@eterne/cluster/state/strays.ts';
import { FakeCluster, group, volume } from '../../../cluster/test/service/fake-cluster.ts';
import { runningState } from '../../../cluster/test/state/founded.ts';
import { assertChinese } from './chinese.ts';
import { saidText } from '../../src/i18n/said/said-text.ts';

const ALL = { alive: new Set(['n1', 'n2', 'w1']) };
const BASE = runningState();
const LINK = { kind: 'link', subject: 'eth0', detail: 'eth0 has no carrier' } as const;

function db(state: ClusterState): GroupState {
  const found = state.groups['db'];
  assert.ok(found);
  return found;
}

/** `BASE` with other members, groups or volumes. */
function changed(parts: {
  readonly n1?: Partial<ClusterState['members'][string]>;
  readonly db?: Partial<GroupState>;
  readonly spec?: Partial<GroupState['spec']>;
  readonly data?: Partial<VolumeState>;
  readonly dataSpec?: Partial<VolumeState['spec']>;
  readonly others?: ClusterState['groups'];
  readonly state?: Partial<ClusterState>;
}): ClusterState {
  const [n1, data] = [BASE.members['n1'], BASE.volumes['data']];
  assert.ok(n1 && data);
  return {
    ...BASE,
    ...parts.state,
    members: { ...BASE.members, n1: { ...n1, ...parts.n1 } },
    groups: { ...parts.others, db: { ...db(BASE), ...parts.db, spec: { ...db(BASE).spec, ...parts.spec } } },
    volumes: { data: { ...data, ...parts.data, spec: { ...data.spec, ...parts.dataSpec } } },
  };
}

const inSync = (...members: readonly string[]): Partial<VolumeState> => ({
  inSyncSet: { version: 2, members },
});
const ownedBy = (owner: string | null): ClusterState['groups'] => ({
  web: {
    ...db(BASE),
    owner,
    phase: owner === null ? 'stopped' : 'online',
    spec: { ...group('web', ['n1']), demand: { memory: 2 ** 30 } },
  },
});
const told = (node: string, hasUntilMs: number): VolumeState['summary'][number] => ({
  node,
  disk: 'UpToDate',
  dirtyBytes: 0,
  lagBytes: null,
  lagMs: null,
  hasUntilMs,
  splitBrain: false,
});

const STATES: Readonly<Record<string, ClusterState>> = {
  ready: BASE,
  removed: { ...BASE, members: {} },
  leaving: changed({ n1: { presence: 'leaving' } }),
  standby: changed({ n1: { mode: 'standby' } }),
  maintenance: changed({ n1: { mode: 'maintenance' } }),
  'gave up': changed({ db: { failures: [{ id: 1, node: 'n1', resource: 'app', atMs: 0, gaveUp: true }] } }),
  'waits for company': changed({ others: ownedBy(null), spec: { rules: { ...NO_RULES, with: ['web'] } } }),
  'elsewhere than company': changed({
    others: ownedBy('n2'),
    spec: { rules: { ...NO_RULES, with: ['web'] } },
  }),
  apart: changed({ others: ownedBy('n1'), spec: { rules: { ...NO_RULES, apart: ['web'] } } }),
  full: changed({
    n1: { capacity: { memory: 3 * 2 ** 30 } },
    others: ownedBy('n1'),
    spec: { demand: { memory: 4 * 2 ** 30 } },
  }),
  'full of numbers': changed({ n1: { capacity: { cores: 3 } }, spec: { demand: { cores: 4 } } }),
  'not in sync': changed({ data: inSync('n2') }),
  crashed: changed({ data: { crashed: 'n1' } }),
  trouble: changed({ n1: { troubles: [{ ...LINK, subject: '' }] } }),
  'crashed and in trouble': changed({
    data: { crashed: 'n1' },
    n1: { troubles: [{ ...LINK, subject: '' }] },
  }),
  'no nodes': changed({ spec: { nodes: [] } }),
  older: changed({
    dataSpec: { mode: 'async', asyncTakeover: 'auto' },
    data: { ...inSync('n9'), summary: [told('n1', 5), told('n2', 7)] },
  }),
  moving: changed({ db: { move: { to: 'n2', reason: 'asked for by admin@10.0.0.1', displaces: false } } }),
};

for (const [name, state] of Object.entries(STATES))
  test(`placement: ${name}`, () => {
    for (const seen of [ALL, { alive: new Set(['n2']) }, { alive: new Set<string>() }])
      for (const avoid of [null, 'n1']) {
        const { candidates, reason } = place(state, db(state), seen, avoid);
        for (const candidate of candidates) assertChinese(candidate.reason);
        assertChinese(reason);
        assertChinese(`no node can take group db: ${reason}`);
      }
  });

test('what is said of a candidate reads well', () => {
  const { candidates, reason } = place(changed({ n1: { mode: 'standby' } }), db(BASE), ALL);
  assert.deepEqual(
    candidates.map((candidate) => saidText(candidate.reason, 'zh')),
    ['处于待机', '已就绪'],
  );
  assert.equal(saidText(reason, 'zh'), 'n2 已就绪；它是优先顺序中第一个可以运行的节点（n1 处于待机）');
});

test('why nothing is done about a group, and what it waits for', () => {
  const after = changed({ others: ownedBy(null), spec: { rules: { ...NO_RULES, after: ['web'] } } });
  const waits = changed({
    db: { owner: null, move: { to: 'n1', reason: 'x', displaces: false, waits: true } },
    n1: { presence: 'lost' },
  });
  const found = (failure: string): GroupState => ({
    ...db(BASE),
    strays: [{ node: 'n2', resources: ['app', 'ip'], failure }],
  });
  const said = [
    orderObstacle(after, db(after)),
    heldBy(waits, db(waits)),
    heldBy(changed({ state: { maintenance: true } }), db(BASE)),
    heldBy(BASE, { ...db(BASE), maintenance: true }),
    heldBy(changed({ n1: { mode: 'maintenance' } }), db(BASE)),
    strayObstacle(found('')),
    strayObstacle(found('timed out')),
  ];
  for (const text of said) {
    assert.ok(text !== undefined);
    assertChinese(text);
    assertChinese(`group db is not moved: ${text}`);
    assertChinese(`Group db: ${text}.`);
  }
});

const home = {
  ...group('db', ['n1', 'n2', 'n3'], 'data'),
  failback: { enabled: true, window: '02:00-04:00' },
};

function cluster(): FakeCluster {
  const made = new FakeCluster(['n1', 'n2', 'n3']);
  const web = { ...group('web', ['n1', 'n2', 'n3']), rules: { ...NO_RULES, with: ['db'] } };
  made.configure([volume('data', ['n1', 'n2', 'n3'])], [home, web, group('alone', ['n1'])]);
  made.untilOnline('db', 'n1');
  made.untilOnline('web', 'n1');
  made.elect('n3');
  made.time.run(1000);
  return made;
}

function explained(made: FakeCluster): void {
  const { service } = made.machine('n3');
  service.refresh();
  for (const name of Object.keys(made.state().groups))
    for (const sentence of explainGroup(service.view, name).sentences) assertChinese(sentence);
}

function rehearsed(made: FakeCluster, request: SimulationRequest): FailureSimulation {
  const { service } = made.machine('n3');
  service.refresh();
  const simulation = simulate(service.view, request);
  for (const text of [
    ...simulation.sentences,
    ...simulation.moves.flatMap(({ reason, when }) => [reason, when ?? reason]),
  ])
    assertChinese(text);
  return simulation;
}

test('explanations and rehearsals of a cluster that lives, loses a node and has it back', () => {
  const made = cluster();
  explained(made);
  assert.equal(rehearsed(made, { kind: 'fail', nodes: ['n2'] }).moves.length, 0);
  assert.ok(rehearsed(made, { kind: 'fail', nodes: ['n1'] }).moves.length > 1);
  assert.equal(rehearsed(made, { kind: 'fail', nodes: ['n1', 'n2'] }).quorate, false);
  rehearsed(made, { kind: 'partition', sides: [['n1'], ['n2', 'n3']] });
  rehearsed(made, { kind: 'partition', sides: [['n1'], ['n2'], ['n3']] });
  rehearsed(made, { kind: 'return', nodes: ['n2'] });
  made.powerOff('n1');
  made.untilOnline('db', 'n2');
  made.time.run(3000);
  explained(made);
  assert.ok(rehearsed(made, { kind: 'return', nodes: ['n1'] }).moves.some(({ when }) => when !== null));
  made.submit({ kind: 'group-maintenance', group: 'db', on: true, atMs: 0 });
  made.submit({ kind: 'node-mode', name: 'n3', mode: 'standby', atMs: 0 });
  made.time.run(1000);
  explained(made);
  rehearsed(made, { kind: 'fail', nodes: ['n2'] });
});
