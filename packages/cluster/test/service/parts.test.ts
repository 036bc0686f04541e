/** Volumes with parts, from the document of an administrator to the disk process and the monitor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { parseDocument } from '../../src/service/config/document.ts';
import { configureCommand, planDocument } from '../../src/service/config/plan.ts';
import { showDocument } from '../../src/service/config/show.ts';
import { GroupResources } from '../../src/service/owner/resources.ts';
import { watchOrder } from '../../src/service/leader/footing.ts';
import { replicaOf } from '../../src/service/replicas.ts';
import { apply } from '../../src/state/apply.ts';
import { fileSystemHint } from '../../src/state/file-system-hint.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { foundedState, seenBy } from '../state/founded.ts';
import { FakeCluster, group } from './fake-cluster.ts';

const MIB = 1024 * 1024;
const CHAP = { user: 'u', password: 'secret-of-the-log' };
const at = (file: string): Record<string, string> => ({ n1: `/srv/${file}`, n2: `/srv/${file}` });
const iscsi = { listen: '127.0.0.1:3260', iqn: 'iqn.2026-11.x:log', chap: CHAP };
const DATA = { name: 'data', size: '4MiB', replicas: at('data') };
const LOG = { name: 'log', size: '1MiB', replicas: at('log'), exports: [{ iscsi }] };
const DOCUMENT = { volumes: [{ name: 'db', mode: 'async', parts: [DATA, LOG] }] };

function applied(state: ClusterState, document: unknown): ClusterState {
  const plan = planDocument(state, parseDocument(document));
  const outcome = apply(state, configureCommand(state, plan, { atMs: 0 }));
  assert.equal(outcome.refused, undefined);
  return outcome.state;
}

test('a document lays parts one behind the other; shown and applied again it changes nothing', () => {
  const state = applied(foundedState(), DOCUMENT);
  const spec = state.volumes['db']?.spec;
  assert.equal(spec?.sizeBytes, 5 * MIB);
  assert.deepEqual(
    spec.parts.map(({ name, startBytes }) => [name, startBytes]),
    [
      ['data', 0],
      ['log', 4 * MIB],
    ],
  );
  assert.deepEqual(spec.replicas[0], { node: 'n1', device: '/srv/data', behind: ['/srv/log'] });
  const shown = showDocument(state);
  assert.doesNotMatch(JSON.stringify(shown), /secret-of-the-log/);
  assert.deepEqual(planDocument(state, parseDocument({ volumes: shown['volumes'] })).steps, []);
});

test('the plan says what is made of what, and what grows', () => {
  const [step] = planDocument(foundedState(), parseDocument(DOCUMENT)).steps;
  assert.match(
    step?.sentence ?? '',
    /Create volume db of 5 MiB \(data 4 MiB, log 1 MiB\) on \/srv\/data and \/srv\/log on n1,/,
  );
  const larger = { volumes: [{ ...DOCUMENT.volumes[0], parts: [DATA, { ...LOG, size: '3MiB' }] }] };
  const [grow] = planDocument(applied(foundedState(), DOCUMENT), parseDocument(larger)).steps;
  assert.match(grow?.sentence ?? '', /Grow volume db to 7 MiB/);
});

test('disks are given once, and alike for every part', () => {
  const refused = (pattern: RegExp, change: object): void =>
    assert.throws(
      () => parseDocument({ volumes: [{ name: 'db', ...change }] }),
      (error) => error instanceof EterneError && error.code === 'config' && pattern.test(error.message),
    );
  refused(/volume db needs size and replicas, or parts/, {});
  refused(/volume db needs size and replicas, or parts/, { size: '1MiB' });
  refused(/size, replicas and exports are those of its parts/, { size: '1MiB', parts: [DATA, LOG] });
  refused(/size, replicas and exports are those of its parts/, {
    parts: [DATA, LOG],
    exports: [{ nbd: { listen: '127.0.0.1:1' } }],
  });
  refused(/parts: are at least two/, { parts: [DATA] });
  refused(/is not the name of a part/, { parts: [DATA, { ...LOG, name: 'l.og' }] });
  refused(/part log is on n1, n3, and part data on n1, n2; every replica has all parts/, {
    parts: [DATA, { ...LOG, replicas: { n1: '/srv/log', n3: '/srv/log' } }],
  });
});

test('the disk process opens a mirror set, each part with its own device, export and place for state', () => {
  const state = applied(foundedState(), DOCUMENT);
  const present = state.volumes['db'];
  assert(present);
  const spec = replicaOf(seenBy(state, 'n2'), present, {
    metadataPath: (name) => `/meta/${name}`,
    exportAddress: (name) => `unix:/run/${name}.nbd`,
    rescuePath: (name) => `/rescue/${name}`,
  });
  assert.equal(spec?.config.name, 'db');
  assert.equal(spec.config.metadataPath, '/meta/db');
  assert.deepEqual(Object.keys(spec.config.peers), ['n1']);
  assert.deepEqual(spec.config.members, [
    { name: 'db.data', sizeBytes: 4 * MIB, devicePath: '/srv/data' },
    { name: 'db.log', sizeBytes: MIB, devicePath: '/srv/log' },
  ]);
  assert.deepEqual(spec.exports, []);
  const { chap: _, ...open } = iscsi;
  assert.deepEqual(spec.members, [
    { metadataPath: '/meta/db.data', exports: [{ kind: 'nbd', listen: 'unix:/run/db.data.nbd' }] },
    {
      metadataPath: '/meta/db.log',
      exports: [
        { kind: 'nbd', listen: 'unix:/run/db.log.nbd' },
        { kind: 'iscsi', ...open, chap: CHAP },
      ],
    },
  ]);
});

test('the monitor is told the parts of a mirror resource, and nothing of a volume that has none', () => {
  const state = applied(foundedState(), DOCUMENT);
  const [spec] = [group('g', ['n1'], 'db')];
  assert.deepEqual(GroupResources.stopped(spec).specAt(state, 0).spec.parts, ['data', 'log']);
  assert.equal(GroupResources.stopped(spec).specAt(state, 1).spec.parts, undefined);
  assert.equal(GroupResources.stopped(group('g', ['n1'], 'x')).specAt(state, 0).spec.parts, undefined);
});

test('what a group stands on are the devices of all parts; the file system on the last one is grown by hand', () => {
  const on = (name: string) => ({
    name,
    type: 'filesystem',
    device: `\${vol.device_${name}}`,
    directory: `/srv/db/${name}`,
    fstype: 'xfs',
  });
  const resources = [{ name: 'vol', type: 'mirror', volume: 'db', attach: 'auto' }, on('data'), on('log')];
  const state = applied(foundedState(), {
    ...DOCUMENT,
    groups: [{ name: 'g', nodes: ['n1', 'n2'], resources }],
  });
  const replicas = watchOrder(state, 'n2').looks.filter(({ kind }) => kind === 'replica');
  assert.deepEqual(
    replicas.map(({ subject }) => subject),
    ['/srv/data', '/srv/log'],
  );
  assert.match(fileSystemHint(state, 'db') ?? '', /then xfs_growfs \/srv\/db\/log$/);
});

test('one promotion serves all parts; the last one is what grows', () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const document = parseDocument({ volumes: [{ name: 'db', initialSync: 'none', parts: [DATA, LOG] }] });
  const mirror = group('g', ['n1', 'n2'], 'db');
  const [vol] = mirror.resources;
  assert(vol);
  cluster.configure(document.volumes, [{ ...mirror, resources: [vol] }]);
  cluster.untilOnline('g', 'n1');
  assert.equal(cluster.state().volumes['db']?.term.number, 1);
  const [spec] = document.volumes;
  assert(spec);
  const change = { kind: 'volume-put', spec: { ...spec, sizeBytes: 7 * MIB } } as const;
  cluster.submit(configureCommand(cluster.state(), { changes: [change] }, { atMs: 0 }));
  cluster.time.until(() => cluster.machine('n1').disk.sizes.has('db.log'), 2000, 'asked to grow');
  assert.equal(cluster.machine('n1').disk.sizes.get('db.log'), 3 * MIB);
});
