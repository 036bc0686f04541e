import assert from 'node:assert/strict';
import { test } from 'node:test';
import { devicesProblem, nameProblem, sizeProblem, volumeDocument } from '../../src/wizards/documents.ts';
import { isAddressList, joinCommands } from '../../src/wizards/join-commands.ts';

test('answers with stray blanks become a clean document', () => {
  const document = volumeDocument({
    name: ' data ',
    size: '1GiB ',
    mode: 'async',
    initialSync: 'none',
    devices: { n1: ' /srv/data.img', n2: '/dev/sdb1 ' },
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

test('a mirror needs two places, each a whole path or the address of a LUN', () => {
  assert.equal(devicesProblem({ n1: '/dev/sdb1' }), 'twoReplicas');
  assert.equal(devicesProblem({ n1: '/dev/sdb1', n2: ' ' }), 'deviceMissing');
  assert.equal(devicesProblem({ n1: '/dev/sdb1', n2: 'data.img' }), 'deviceRelative');
  assert.equal(devicesProblem({ n1: '/dev/sdb1', n2: 'iscsi://10.0.0.9/iqn.2026-11.x:y/1' }), null);
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
