import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accessFields,
  accessProblem,
  exportDocument,
  exportsOf,
  exportText,
  firstAnswers,
  isReachComplete,
  keyOf,
  kindAnswers,
  kindProblem,
  listenProblem,
  nodesOf,
  volumeOf,
  type AccessField,
  type ExportAnswers,
} from '../../src/wizards/export-document.ts';
import { after, clusterWith, shownBy } from './planned.ts';

const CHAP = { user: 'app', password: 'a long password' };
const ISCSI = { iscsi: { listen: '0.0.0.0:3260', iqn: 'iqn.2026-11.io.eterne:log', chap: CHAP } };
const NBD = { nbd: { listen: '127.0.0.1:10809' } };
const replicas = { n1: '/dev/sdb', n2: '/dev/sdb' };
const state = clusterWith({
  volumes: [
    { name: 'Data_1', size: '1GiB', replicas, exports: [NBD] },
    {
      name: 'set',
      parts: [
        { name: 'tables', size: '1GiB', replicas: { n1: '/dev/sdc', n2: '/dev/sdc' } },
        { name: 'log', size: '1GiB', replicas: { n1: '/dev/sdd', n2: '/dev/sdd' }, exports: [ISCSI] },
      ],
    },
  ],
});
const shown = shownBy(state);
const volume = (name: string) => {
  const entry = volumeOf(shown, name);
  assert.ok(entry);
  return entry;
};
const data = volume('Data_1');
const set = volume('set');
const answers: ExportAnswers = { ...firstAnswers(shown, data, 'prod', ''), password: 'horse battery staple' };
const exportsAfter = (given: ExportAnswers, entry = data) =>
  after(state, exportDocument(shown, entry, given)).volumes[entry.name]?.spec;

test('an iSCSI disk for those who know the password, on a port that is free, beside what there is', () => {
  assert.deepEqual(exportsAfter(answers)?.exports, [
    { kind: 'nbd', listen: '127.0.0.1:10809' },
    {
      kind: 'iscsi',
      listen: '0.0.0.0:3261',
      iqn: 'iqn.2026-11.io.eterne:prod-data-1',
      chap: { user: 'Data_1', password: 'horse battery staple' },
    },
  ]);
  assert.deepEqual(exportsAfter(answers)?.settings, state.volumes['Data_1']?.spec.settings);
});

test('an address of each node, and only some initiators', () => {
  const iqn = 'iqn.1993-08.org.debian:01:abc';
  const given = {
    ...answers,
    reach: 'each',
    addresses: { n2: ' 10.9.0.2:3300 ' },
    login: 'open',
    initiators: `${iqn}, `,
  } as const;
  assert.deepEqual(exportsAfter(given)?.exports.at(-1), {
    kind: 'iscsi',
    listen: { n1: '10.0.1.1:3261', n2: '10.9.0.2:3300' },
    iqn: 'iqn.2026-11.io.eterne:prod-data-1',
    initiators: [iqn],
  });
});

test('NBD on the node itself, and with TLS beyond it', () => {
  const local = { ...answers, ...kindAnswers(shown, data, 'nbd') };
  assert.deepEqual(accessFields(local), []);
  assert.deepEqual(exportsAfter(local)?.exports.at(-1), { kind: 'nbd', listen: '127.0.0.1:10810' });
  const tls = { ca: '/etc/e/ca.pem', cert: '/etc/e/cert.pem', key: '/etc/e/key.pem' };
  const open = { ...local, reach: 'all', ...tls } as const;
  assert.deepEqual(accessFields(open), ['ca', 'cert', 'key']);
  assert.deepEqual(exportsAfter(open)?.exports.at(-1), { kind: 'nbd', listen: '0.0.0.0:10810', tls });
});

test('of a volume with parts one is exported, and what the others have stays, with its password', () => {
  const first = firstAnswers(shown, set, 'prod', 'tables');
  assert.deepEqual([first.kind, first.iqn], ['iscsi', 'iqn.2026-11.io.eterne:prod-set-tables']);
  assert.equal(firstAnswers(shown, set, 'prod', 'log').kind, 'nbd', 'it has its iSCSI export');
  const parts = exportsAfter({ ...first, password: 'x' }, set)?.parts;
  assert.deepEqual(
    parts?.map(({ exports }) => exports.length),
    [1, 1],
  );
  assert.deepEqual(parts?.[1]?.exports, [{ kind: 'iscsi', ...ISCSI.iscsi }]);
  const [log] = exportsOf(set, 'log');
  assert.ok(log);
  const gone = { ...first, part: 'log', kind: 'none', dropped: [keyOf(log)] } as const;
  assert.deepEqual(
    exportsAfter(gone, set)?.parts.map(({ exports }) => exports.length),
    [0, 0],
  );
});

test('a disk has one identity, reservations do not move with shared devices, and eight are enough', () => {
  const log = { ...answers, part: 'log' };
  const dropped = exportsOf(set, 'log').map(keyOf);
  assert.equal(kindProblem(set, log), 'two');
  assert.equal(kindProblem(set, { ...log, dropped }), null);
  assert.equal(kindProblem({ ...data, devices: { left: '/dev/l' } }, answers), 'devices');
  const many = Array.from({ length: 8 }, (_, at) => ({ nbd: { listen: `127.0.0.1:${at + 1}` } }));
  assert.equal(kindProblem({ ...data, exports: many }, { ...answers, kind: 'nbd' }), 'eight');
  assert.throws(() => exportsAfter(log, set), /more than one iscsi export/);
});

test('a port is free on every node that may serve, of other exports and of Eterne itself', () => {
  const at = (port: string, given: Partial<ExportAnswers> = {}) =>
    listenProblem(shown, data, { ...answers, port, ...given }, null);
  assert.equal(at('3300'), null);
  assert.equal(at('3260'), 'portTaken');
  assert.equal(at('10809'), 'portTaken');
  assert.equal(at('10809', { dropped: exportsOf(data, '').map(keyOf) }), null);
  assert.equal(at('8443'), 'portTaken');
  for (const wrong of ['', '0', '65536', 'x']) assert.equal(at(wrong), 'portWrong', wrong);
  const node = (address: string) =>
    listenProblem(shown, data, { ...answers, reach: 'each', addresses: { n1: address } }, 'n1');
  assert.equal(node('10.0.9.1:8443'), null, 'another address than that of the API');
  assert.equal(node('10.0.1.1:8443'), 'portTaken');
  assert.equal(node('10.0.1.1'), 'addressWrong');
  assert.equal(node('[fd00::1]:3300'), null);
  assert.ok(!isReachComplete(shown, data, { ...answers, reach: 'each', addresses: { n2: '' } }));
});

test('names, passwords and files are asked for as the cluster takes them', () => {
  const problem = (field: AccessField, text: string) =>
    accessProblem(shown, data, { ...answers, [field]: text }, field);
  assert.equal(problem('iqn', 'data'), 'iqnWrong');
  assert.equal(problem('iqn', ISCSI.iscsi.iqn), 'iqnTaken');
  assert.equal(accessProblem(shown, set, { ...answers, part: 'log', iqn: ISCSI.iscsi.iqn }, 'iqn'), null);
  assert.equal(problem('iqn', answers.iqn), null);
  assert.equal(problem('password', ' '), 'missing');
  assert.equal(problem('initiators', ''), null);
  assert.equal(problem('initiators', 'iqn.1993-08.org.debian:01:a, host'), 'initiatorsWrong');
  assert.equal(problem('ca', 'ca.pem'), 'pathRelative');
  assert.equal(problem('key', '/etc/e/key.pem'), null);
  assert.equal(problem('cert', ''), 'missing');
});

test('an export is told by what it is and where', () => {
  assert.deepEqual([...exportsOf(data, ''), ...exportsOf(set, 'log')].map(exportText), [
    'NBD 127.0.0.1:10809',
    'iSCSI iqn.2026-11.io.eterne:log 0.0.0.0:3260',
  ]);
  assert.equal(exportText({ nbd: { listen: { n1: 'a:1', n2: 'b:1' } } }), 'NBD n1 a:1, n2 b:1');
  assert.deepEqual(nodesOf({ name: 'v', devices: {}, nodes: ['n1', 'n3'] }), ['n1', 'n3']);
});
