import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseDocument } from '../../src/service/config/document.ts';
import { configureCommand, planDocument } from '../../src/service/config/plan.ts';
import { showDocument } from '../../src/service/config/show.ts';
import { apply } from '../../src/state/apply.ts';
import { decodeState, encodeState } from '../../src/state/codec.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { USUAL_WATCH } from '../../src/state/watch.ts';
import { foundedState } from '../state/founded.ts';

const DOCUMENT = {
  cluster: { timezone: 'Asia/Shanghai', tieBreaker: { kind: 'witness' }, consensus: { engine: 'embedded' } },
  volumes: [{ name: 'data', size: '64MiB', replicas: { n1: '/srv/data.img', n2: '/srv/data.img' } }],
  groups: [
    {
      name: 'db',
      nodes: ['n1', 'n2'],
      failback: { enabled: true, window: '22:00-04:00' },
      resources: [
        { name: 'vol', type: 'mirror', volume: 'data', attach: 'none' },
        {
          name: 'app',
          type: 'app',
          command: ['/bin/app', '${vol.device}'],
          restart: { attempts: 1, window: '1m' },
        },
      ],
    },
  ],
};

function applied(state: ClusterState, document: unknown): ClusterState {
  const plan = planDocument(state, parseDocument(document));
  const outcome = apply(state, configureCommand(state, plan, { atMs: 0 }));
  assert.equal(outcome.refused, undefined);
  return outcome.state;
}

const configError =
  (pattern: RegExp, code = 'config') =>
  (error: unknown): boolean =>
    error instanceof EterneError && error.code === code && pattern.test(error.message);

test('the document becomes volumes and groups, with their defaults', () => {
  const state = applied(foundedState(), DOCUMENT);
  assert.equal(state.config.timezone, 'Asia/Shanghai');
  assert.equal(state.volumes['data']?.spec.sizeBytes, 64 << 20);
  assert.equal(state.volumes['data']?.inSyncSet.version, 0);
  const [vol, app] = state.groups['db']?.spec.resources ?? [];
  assert.deepEqual(vol?.params, { volume: 'data', attach: 'none' });
  assert.deepEqual(app?.restart, { attempts: 1, windowMs: 60_000 });
  assert.equal(app?.startTimeoutMs, 60_000);
});

test('what becomes of groups at a shutdown is said once for the cluster, and shown', () => {
  const state = applied(foundedState(), { ...DOCUMENT, cluster: { onShutdown: 'freeze' } });
  assert.equal(foundedState().config.onShutdown, 'move');
  assert.equal(state.config.onShutdown, 'freeze');
  assert.equal(decodeState(encodeState(state)).config.onShutdown, 'freeze');
  assert.equal((showDocument(state)['cluster'] as { onShutdown: string }).onShutdown, 'freeze');
  assert.throws(() => parseDocument({ cluster: { onShutdown: 'hope' } }), configError(/cluster.onShutdown/));
});

test('what is to be watched is said once for the cluster, and otherwise where a group says so', () => {
  const [group] = DOCUMENT.groups;
  const state = applied(foundedState(), {
    ...DOCUMENT,
    cluster: { watch: { memory: 'move', fullAbove: '80%', memoryBelow: 10 } },
    groups: [{ ...group, watch: { full: 'move' } }],
  });
  assert.deepEqual(state.config.watch, {
    policies: { ...USUAL_WATCH.policies, memory: 'move' },
    fullPercent: 80,
    memoryPercent: 10,
  });
  assert.deepEqual(state.groups['db']?.spec.watch, { full: 'move' });
  for (const same of [state, decodeState(encodeState(state))])
    assert.deepEqual(planDocument(same, parseDocument(showDocument(state))).steps, []);
  for (const watch of [{ fullAbove: '100%' }, { link: 'panic' }, { disks: 'warn' }])
    assert.throws(() => parseDocument({ cluster: { watch } }), configError(/^cluster\.watch/));
});

test('what config show gives changes nothing when applied, also after a snapshot', () => {
  const state = applied(foundedState(), DOCUMENT);
  for (const same of [state, decodeState(encodeState(state))])
    assert.deepEqual(planDocument(same, parseDocument(showDocument(state))).steps, []);
});

test('a plan tells each step in a sentence', () => {
  const { steps } = planDocument(foundedState(), parseDocument(DOCUMENT));
  assert.deepEqual(
    steps.map(({ action, subject, name }) => `${action} ${subject} ${name}`),
    ['change cluster test', 'create volume data', 'create group db'],
  );
  assert.match(steps[1]?.sentence ?? '', /64 MiB .*n1.*n2.*overwritten/);
});

test('a tie-breaker on a disk comes back from snapshots and from what is shown', () => {
  const tieBreaker = { kind: 'disk', device: '/dev/shared', ping: [] };
  const state = applied(foundedState(), { cluster: { tieBreaker } });
  assert.deepEqual(decodeState(encodeState(state)).config.tieBreaker, tieBreaker);
  assert.deepEqual(planDocument(state, parseDocument({ cluster: { tieBreaker } })).changes, []);
});

const wrong: [string, unknown, RegExp][] = [
  ['an unknown key', { colour: 1 }, /olour/],
  ['an unknown key inside', { cluster: { edtion: 'ha' } }, /cluster: .*edtion/],
  [
    'a mistyped key',
    { groups: [{ ...DOCUMENT.groups[0], nodes: undefined, node: ['n1'] }] },
    /: unknown key node$/,
  ],
  ['a missing key', { groups: [{ ...DOCUMENT.groups[0], nodes: undefined }] }, /nodes: is missing$/],
  ['one thing where a list belongs', { groups: { shop: {} } }, /^groups: has to be a list$/],
  [
    'a word where keys belong',
    { cluster: { tieBreaker: 'witness' } },
    /tieBreaker: has to be a mapping of keys$/,
  ],
  [
    'a number without unit',
    { cluster: { fencing: [{ node: 'n1', agent: 'fence_dummy', timeout: 5 }] } },
    /has no unit$/,
  ],
  ['an unknown value', { cluster: { edition: 'gold' } }, /cluster\.edition: has to be one of ha, cluster$/],
  ['a bad size', { volumes: [{ name: 'v', size: '1GB', replicas: {} }] }, /volumes\.v\.size: not a size/],
  ['a size that is no block', { volumes: [{ name: 'v', size: 1000, replicas: {} }] }, /multiple of 4096/],
  ['a bad name', { volumes: [{ name: '../x', size: '1MiB', replicas: {} }] }, /volumes\.0\.name/],
  ['a bad window', { groups: [{ ...DOCUMENT.groups[0], failback: { window: '25:00-26:00' } }] }, /window/],
  [
    'a window without time',
    { groups: [{ ...DOCUMENT.groups[0], failback: { window: '02:00-02:00' } }] },
    /window/,
  ],
  ['a tie-breaker on no path', { cluster: { tieBreaker: { kind: 'disk', device: 'tie' } } }, /absolute path/],
  ['a tie-breaker on no disk', { cluster: { tieBreaker: { kind: 'disk' } } }, /tieBreaker\.device/],
  ['a bad time zone', { cluster: { timezone: 'Mars/Olympus' } }, /time zone/],
  [
    'an unknown agent',
    { groups: [{ name: 'g', nodes: ['n1'], resources: [{ name: 'r', type: 'magic' }] }] },
    /magic/,
  ],
  [
    'a wrong parameter of an agent',
    {
      groups: [
        { name: 'g', nodes: ['n1'], resources: [{ name: 'r', type: 'app', command: ['x'], colour: 1 }] },
      ],
    },
    /group g, resource r: .*colour/,
  ],
  ['a repeated name', { volumes: [DOCUMENT.volumes[0], DOCUMENT.volumes[0]] }, /data is there twice/],
];
for (const [what, document, pattern] of wrong)
  test(`refused: ${what}`, () => {
    assert.throws(() => parseDocument(document), configError(pattern));
  });

test('what is no size says how one is written', () => {
  const volumes = [{ name: 'v', size: '10G', replicas: {} }];
  assert.throws(() => parseDocument({ volumes }), { code: 'config', hint: /write for example .*1GiB/ });
});

const broken: [string, unknown, RegExp][] = [
  [
    'overlapping disks',
    { volumes: [DOCUMENT.volumes[0], { name: 'b', size: '1MiB', replicas: { n2: '/srv/../srv/data.img' } }] },
    /volume b and volume data are on the same disk .* of n2/,
  ],
  [
    'an unknown node',
    { volumes: [{ name: 'v', size: '1MiB', replicas: { n9: '/x' } }] },
    /n9, which is not a node/,
  ],
  ['a witness', { volumes: [{ name: 'v', size: '1MiB', replicas: { w1: '/x' } }] }, /w1, which is a witness/],
  ['no replicas', { volumes: [{ name: 'v', size: '1MiB', replicas: {} }] }, /needs 1 to 32 replicas/],
  ['a missing volume', { groups: DOCUMENT.groups }, /volume data, which does not exist/],
  [
    'a node without replica',
    { volumes: [{ name: 'data', size: '1MiB', replicas: { n1: '/x' } }], groups: DOCUMENT.groups },
    /may run on n2, where volume data has no replica/,
  ],
  [
    'a volume in two groups',
    { ...DOCUMENT, groups: [...DOCUMENT.groups, { ...DOCUMENT.groups[0], name: 'db2' }] },
    /volume data is used by both groups db and db2/,
  ],
  [
    'a reference that is cyclic or points forward',
    {
      groups: [
        {
          name: 'g',
          nodes: ['n1'],
          resources: [
            { name: 'a', type: 'app', command: ['${b.x}'] },
            { name: 'b', type: 'app', command: ['${a.x}'] },
          ],
        },
      ],
    },
    /a refers to b, which does not come before it/,
  ],
];
for (const [what, document, pattern] of broken)
  test(`refused against the cluster: ${what}`, () => {
    assert.throws(() => planDocument(foundedState(), parseDocument(document)), configError(pattern));
  });

test('a volume grows by its document, and never becomes smaller', () => {
  const state = applied(foundedState(), DOCUMENT);
  const sized = (size: string): unknown => ({ volumes: [{ ...DOCUMENT.volumes[0], size }] });
  const [step] = planDocument(state, parseDocument(sized('128MiB'))).steps;
  assert.match(step?.sentence ?? '', /^Grow volume data to 128 MiB on every replica/);
  assert.throws(() => planDocument(state, parseDocument(sized('4KiB'))), configError(/smaller/, 'refused'));
});

test('fence devices: defaults, and what is refused', () => {
  const devices = (fencing: unknown): unknown => parseDocument({ cluster: { fencing } }).cluster?.fencing;
  assert.deepEqual(devices([{ node: 'n1', agent: 'fence_ipmilan', params: { lanplus: true, port: 7 } }]), [
    {
      node: 'n1',
      agent: 'fence_ipmilan',
      params: { lanplus: 'true', port: '7' },
      level: 1,
      action: 'reboot',
      timeoutMs: 60_000,
      retries: 1,
    },
  ]);
  const refused = (change: object, reason: RegExp): void =>
    assert.throws(() => devices([{ node: 'n1', agent: 'fence_ipmilan', ...change }]), reason);
  refused({ agent: 'rm' }, /is not a fence agent/);
  refused({ agent: '/opt/../fence_x y' }, /is not a fence agent/);
  refused({ params: { ip: 'a\naction=on' } }, /more than one line/);
  refused({ params: { action: 'on' } }, /are said by Eterne/);
  refused({ level: 0 }, /level/);
  refused({ secret: 'x' }, /secret/);
});

test('a floating address that a node has itself is refused: a stop would take it from the node', () => {
  const founded = foundedState();
  const { n2 } = founded.members;
  assert(n2);
  const host = '192.0.2.2';
  const state = { ...founded, members: { ...founded.members, n2: { ...n2, addresses: [`${host}:7700`] } } };
  const floating = (resource: object): unknown => ({
    groups: [{ name: 'web', nodes: ['n1', 'n2'], resources: [{ name: 'x', ...resource }] }],
  });
  const own = new RegExp(`^group web: ${host} is an address of n2 itself`);
  const ip = { type: 'ip', address: `${host}/24`, interfaces: ['eth0'] };
  const agent = { type: 'ocf:heartbeat:IPaddr2', params: { ip: host } };
  for (const resource of [ip, agent])
    assert.throws(() => applied(state, floating(resource)), configError(own));
  const other = applied(state, floating({ ...ip, address: '192.0.2.99/24' }));
  assert.throws(
    () => applied(other, { nodes: [{ name: 'n2', addresses: [host, '192.0.2.99'] }] }),
    configError(/^group web: 192\.0\.2\.99 is an address of n2 itself/),
  );
});

test('a replica has an absolute path; what is configured otherwise already stays as it is', () => {
  const volumeAt = (device: string): unknown => ({
    volumes: [{ name: 'v', size: '64MiB', replicas: { n1: device, n2: '/srv/v' } }],
  });
  assert.throws(
    () => applied(foundedState(), volumeAt('srv/v')),
    configError(/^volume v: srv\/v on n1 is not an absolute path$/),
  );
  const before = applied(foundedState(), volumeAt('/srv/v'));
  const spec = before.volumes['v']?.spec;
  assert(spec);
  const [first, second] = spec.replicas;
  assert(first && second);
  const relative = { ...spec, replicas: [{ ...first, device: 'srv/v' }, second] };
  const old = { ...before, volumes: { v: { ...before.volumes['v'], spec: relative } } } as ClusterState;
  assert.equal(applied(old, { cluster: { timezone: 'Asia/Shanghai' } }).config.timezone, 'Asia/Shanghai');
});
