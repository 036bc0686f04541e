import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  disksOf,
  diskText,
  firstAnswers,
  heartbeatDocument,
  heartbeatProblem,
  keyOf,
  pathProblem,
  placeProblem,
  type HeartbeatAnswers,
} from '../../src/wizards/heartbeat-disk-document.ts';
import { after, clusterWith, shownBy } from './planned.ts';

const QUORUM = { n1: '/dev/mapper/quorum', n2: '/dev/sdq' };
const state = clusterWith({
  cluster: { heartbeatDisks: ['/dev/disk/by-id/scsi-1', QUORUM] },
  volumes: [
    { name: 'data', size: '1GiB', replicas: { n1: '/srv/data.img', n2: '/dev/sdb' } },
    {
      name: 'set',
      parts: ['a', 'b'].map((name) => ({
        name,
        size: '1GiB',
        replicas: { n1: `/srv/${name}`, n2: `/srv/${name}` },
      })),
    },
  ],
});
const shown = shownBy(state);
const answers: HeartbeatAnswers = { dropped: [], place: 'same', path: ' /dev/sdz ', paths: {} };
const each = (paths: HeartbeatAnswers['paths']): HeartbeatAnswers => ({ ...answers, place: 'each', paths });
const CLUSTER = { nodes: ['n1', 'n2', 'n3'], here: 'n1' };
const problem = (given: HeartbeatAnswers) => heartbeatProblem(shown, CLUSTER, given);
const devices = (given: HeartbeatAnswers) =>
  after(state, heartbeatDocument(shown, given)).config.heartbeatDisks.map(({ device }) => device);

test('a disk comes, with one path or one for each node, and another goes', () => {
  const [first] = disksOf(shown);
  assert.ok(first);
  assert.deepEqual(devices(answers), ['/dev/disk/by-id/scsi-1', QUORUM, '/dev/sdz']);
  const dropped = [keyOf(first)];
  assert.deepEqual(devices({ ...each({ n1: '/dev/sdy ', n2: '/dev/sdx', n3: ' ' }), dropped }), [
    QUORUM,
    { n1: '/dev/sdy', n2: '/dev/sdx' },
  ]);
  assert.deepEqual(devices({ ...answers, place: 'none', dropped }), [QUORUM]);
});

test('a disk is asked for by a whole path that nothing else uses', () => {
  assert.equal(problem(answers), null);
  assert.equal(problem({ ...answers, path: '' }), 'missing');
  assert.equal(problem({ ...answers, path: 'sdz' }), 'deviceRelative');
  for (const path of ['/dev/sdb', '/srv/data.img', '/srv/b', '/dev/sdq'])
    assert.equal(problem({ ...answers, path }), 'taken', path);
  assert.equal(pathProblem(shown, CLUSTER, each({ n1: '/dev/sdb' }), 'n1'), null, 'of n2 only');
  const shared = {
    volumes: [{ name: 'v', nodes: ['n1'], devices: { left: { n1: '/dev/l' }, right: '/dev/r' } }],
  };
  for (const path of ['/dev/l', '/dev/r'])
    assert.equal(heartbeatProblem(shared, CLUSTER, { ...answers, path }), 'taken', path);
});

test('two nodes have to reach it, and so has the one that marks it', () => {
  assert.equal(problem(each({ n1: '/dev/sdy', n3: '/dev/sdy' })), null);
  assert.equal(problem(each({ n1: '/dev/sdy' })), 'two');
  assert.equal(problem(each({ n2: '/dev/sdy', n3: '/dev/sdy' })), 'here');
  assert.equal(heartbeatProblem(shown, { nodes: ['n1'], here: 'n1' }, answers), 'two');
});

test('a fifth is refused, also by the cluster, until another one goes', () => {
  const full = clusterWith({ cluster: { heartbeatDisks: ['/a', '/b', '/c', '/d'] } });
  const configuration = shownBy(full);
  assert.equal(firstAnswers(configuration).place, 'none');
  assert.equal(firstAnswers(shown).place, 'same');
  assert.equal(placeProblem(configuration, answers), 'four');
  assert.throws(() => after(full, heartbeatDocument(configuration, answers)), /at most 4 heartbeat disks/);
  assert.equal(placeProblem(configuration, { ...answers, dropped: [keyOf('/a')] }), null);
});

test('a disk is shown by its paths', () => {
  assert.deepEqual(disksOf(shown).map(diskText), [
    '/dev/disk/by-id/scsi-1',
    'n1 /dev/mapper/quorum, n2 /dev/sdq',
  ]);
});
