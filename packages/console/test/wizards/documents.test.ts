import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from '../../../cluster/src/service/config/document.ts';
import {
  nameProblem,
  partNameProblem,
  placesProblem,
  sizeProblem,
  volumeDocument,
  withDisk,
  type Devices,
  type Disks,
} from '../../src/wizards/documents.ts';
import { isAddressList, joinCommands } from '../../src/wizards/join-commands.ts';

test('answers with stray blanks become a clean document', () => {
  const document = volumeDocument({
    name: ' data ',
    mode: 'async',
    initialSync: 'none',
    nodes: ['n1', 'n2'],
    disks: [
      { name: 'data', size: '1GiB ', devices: { n1: ' /srv/data.img', n2: '/dev/sdb1 ', n3: '/dev/left' } },
    ],
  });
  assert.deepEqual(document, {
    volumes: [
      {
        name: 'data',
        size: '1GiB',
        mode: 'async',
        initialSync: 'none',
        replicas: { n1: '/srv/data.img', n2: '/dev/sdb1' },
      },
    ],
  });
});

test('a name is needed, well formed and new', () => {
  assert.equal(nameProblem(' ', []), 'nameMissing');
  assert.equal(nameProblem('../etc', []), 'nameWrong');
  assert.equal(nameProblem('data', ['data']), 'nameTaken');
  assert.equal(nameProblem('data-2', ['data']), null);
});

test('a size has a number and a binary unit', () => {
  for (const good of ['1048576', '64MiB', '10 GiB']) assert.equal(sizeProblem(good), null, good);
  for (const bad of ['', '0GiB', '10GB', '-1MiB', '1.5GiB']) assert.equal(sizeProblem(bad), 'sizeWrong', bad);
});

const PARTS: Disks = [
  { name: 'data', size: '10GiB', devices: { n1: '/dev/sdb', n2: '/dev/sdb' } },
  { name: 'log ', size: '1GiB', devices: { n1: '/dev/sdc', n2: '/dev/sdc' } },
];

test('several disks become the parts of one volume, which the cluster takes', () => {
  const document = volumeDocument({
    name: 'db',
    mode: 'async',
    initialSync: 'smart',
    nodes: ['n1', 'n2'],
    disks: PARTS,
  });
  assert.deepEqual(document, {
    volumes: [
      {
        name: 'db',
        mode: 'async',
        initialSync: 'smart',
        parts: [
          { name: 'data', size: '10GiB', replicas: { n1: '/dev/sdb', n2: '/dev/sdb' } },
          { name: 'log', size: '1GiB', replicas: { n1: '/dev/sdc', n2: '/dev/sdc' } },
        ],
      },
    ],
  });
  assert.deepEqual(
    parseDocument(document).volumes.map(({ name }) => name),
    ['db'],
  );
});

test('parts have names of their own', () => {
  assert.equal(partNameProblem(PARTS, 1), null);
  assert.equal(partNameProblem(withDisk(PARTS, 1, { name: '' }), 1), 'partNameWrong');
  assert.equal(partNameProblem(withDisk(PARTS, 1, { name: 'the-log' }), 1), 'partNameWrong');
  assert.equal(partNameProblem(withDisk(PARTS, 1, { name: 'data' }), 1), 'partNameTwice');
  assert.equal(partNameProblem(withDisk(PARTS, 1, { name: 'data' }), 0), null);
});

test('a mirror needs two places of every disk, each a whole path or the address of a LUN', () => {
  const problem = (devices: Devices, more: readonly Devices[] = []) =>
    placesProblem({
      nodes: Object.keys(devices),
      disks: [
        { name: 'data', size: '1GiB', devices },
        ...more.map((others) => ({ name: 'log', size: '1GiB', devices: others })),
      ],
    });
  const good = { n1: '/dev/sdb1', n2: 'iscsi://10.0.0.9/iqn.2026-11.x:y/1' };
  assert.equal(problem({ n1: '/dev/sdb1' }), 'twoReplicas');
  assert.equal(problem({ n1: '/dev/sdb1', n2: ' ' }), 'deviceMissing');
  assert.equal(problem({ n1: '/dev/sdb1', n2: 'data.img' }), 'deviceRelative');
  assert.equal(problem(good), null);
  assert.equal(problem(good, [{ n1: '/dev/sdc' }]), 'deviceMissing');
});

test('the command of a joining server names its addresses, its API and the node that admits it', () => {
  const answers = { role: 'node', name: 'n3', addresses: '10.0.0.3:7700, 10.1.0.3' } as const;
  assert.equal(
    joinCommands(answers, 'T', '10.0.0.1:8443'),
    './eterne cluster join --node n3 --address 10.0.0.3:7700,10.1.0.3 --api 10.0.0.3:8443 --token T --to 10.0.0.1:8443\n./eterne node run\n',
  );
  assert.match(
    joinCommands({ ...answers, role: 'witness' }, 'T', 'h:1'),
    /^\.\/eterne witness join --node n3 /,
  );
  assert.ok(isAddressList('10.0.0.3,[fd00::3]:7700,node-3.example'));
  assert.ok(!isAddressList('10.0.0.3; rm -rf /'));
  assert.ok(!isAddressList(''));
});
