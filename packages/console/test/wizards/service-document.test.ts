import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from '../../../cluster/src/service/config/document.ts';
import {
  serviceDocument,
  serviceFaults,
  WHOLE,
  wordsOf,
  type ServiceAnswers,
} from '../../src/wizards/service-document.ts';

const ANSWERS: ServiceAnswers = {
  name: 'shop',
  nodes: ['n2', 'n1'],
  failback: true,
  failbackWindow: '22:00-04:00',
  volume: 'data',
  directories: { [WHOLE]: '/srv/shop' },
  fileSystem: 'xfs',
  address: '10.0.0.100/24',
  interfaces: 'eth0, eth1',
  program: 'app',
  command: '/opt/shop/server -v',
  user: 'shop',
  workingDirectory: '/srv/shop',
  environment: 'PORT=8080\nMODE=a=b',
  check: 'tcp',
  checkAt: '10.0.0.100:80',
  parameters: '',
};

test('the cluster takes what the wizard makes', () => {
  for (const answers of [
    ANSWERS,
    { ...ANSWERS, volume: '', address: '', check: 'none' } as const,
    { ...ANSWERS, program: 'systemd', command: 'nginx' } as const,
    {
      ...ANSWERS,
      program: 'ocf',
      command: 'heartbeat:pgsql',
      parameters: 'pgdata=/srv/shop/pg\n\nignored',
    } as const,
  ]) {
    const [group] = parseDocument(serviceDocument(answers)).groups;
    assert.equal(group?.name, 'shop');
    assert.deepEqual(group.nodes, ['n2', 'n1']);
    assert.equal(group.failback.enabled, true);
  }
});

test('a program keeps its identity, directory, environment and check; a group its window', () => {
  const check = { check: 'command', checkAt: '/opt/shop/check "the till"' } as const;
  const [group] = parseDocument(serviceDocument({ ...ANSWERS, ...check })).groups;
  assert.deepEqual(group?.failback, { enabled: true, window: '22:00-04:00' });
  const { command, user, directory, env, check: checks } = group.resources.at(-1)?.params ?? {};
  assert.deepEqual(
    [command, user, directory, env],
    [['/opt/shop/server', '-v'], 'shop', '/srv/shop', { PORT: '8080', MODE: 'a=b' }],
  );
  assert.deepEqual((checks as { quick: { command: unknown } }).quick.command, [
    '/opt/shop/check',
    'the till',
  ]);
  const [without] = parseDocument(serviceDocument({ ...ANSWERS, failback: false })).groups;
  assert.deepEqual(without?.failback, { enabled: false, window: null });
});

test('parts are mounted each by itself, a directory before those in it', () => {
  const directories = { log: ' /srv/db/log', data: '/srv/db', spare: '' };
  const document = serviceDocument({ ...ANSWERS, directories });
  const [group] = parseDocument(document).groups;
  assert.deepEqual(
    group?.resources.map(({ name, params }) => [name, params['device'], params['directory']]).slice(0, 3),
    [
      ['disk', undefined, undefined],
      ['files-data', '${disk.device_data}', '/srv/db'],
      ['files-log', '${disk.device_log}', '/srv/db/log'],
    ],
  );
});

test('what is missing or wrong is found on its page', () => {
  const none = { service: false, disk: false, address: false, program: false };
  const faults = (change: Partial<ServiceAnswers>, taken: readonly string[] = []) =>
    serviceFaults({ ...ANSWERS, ...change }, taken);
  assert.deepEqual(faults({}), none);
  assert.deepEqual(faults({}, ['shop']), { ...none, service: true });
  assert.deepEqual(faults({ nodes: [] }), { ...none, service: true });
  assert.deepEqual(faults({ failbackWindow: '2-4' }), { ...none, service: true });
  assert.deepEqual(faults({ failback: false, failbackWindow: '2-4' }), none);
  assert.deepEqual(faults({ workingDirectory: 'srv' }), { ...none, program: true });
  assert.deepEqual(faults({ directories: { [WHOLE]: 'srv' } }), { ...none, disk: true });
  assert.deepEqual(faults({ address: '10.0.0.100' }), { ...none, address: true });
  assert.deepEqual(faults({ interfaces: ' ' }), { ...none, address: true });
  assert.deepEqual(faults({ command: '' }), { ...none, program: true });
  assert.deepEqual(faults({ checkAt: '' }), { ...none, program: true });
  assert.deepEqual(faults({ program: 'ocf', command: 'pgsql' }), { ...none, program: true });
  assert.deepEqual(faults({ program: 'systemd', command: 'a b' }), { ...none, program: true });
});

test('quotes keep the words of a command together', () => {
  assert.deepEqual(wordsOf(`/bin/x --name "two words" '' 'a "b"'`), [
    '/bin/x',
    '--name',
    'two words',
    '',
    'a "b"',
  ]);
});
