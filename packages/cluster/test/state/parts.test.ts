/** What parts of a volume may be, and what of them may change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { apply } from '../../src/state/apply.ts';
import { decodeState, encodeState } from '../../src/state/codec.ts';
import type { Command, ConfigChange } from '../../src/state/commands.ts';
import { LEVELS, PARTS_LEVEL } from '../../src/state/levels.ts';
import type { ClusterState, GroupSpec, VolumePart, VolumeSpec } from '../../src/state/model.ts';
import { partPlaces, resized } from '../../src/state/parts.ts';
import { group, volume } from '../service/fake-cluster.ts';
import { foundedState } from './founded.ts';

const MIB = 1024 * 1024;
const part = (name: string, startBytes: number): VolumePart => ({ name, startBytes, exports: [] });
const DB: VolumeSpec = {
  ...volume('db', []),
  sizeBytes: 5 * MIB,
  parts: [part('data', 0), part('log', 4 * MIB)],
  replicas: ['n1', 'n2'].map((node) => ({ node, device: '/srv/data', behind: ['/srv/log'] })),
};

function put(spec: VolumeSpec): ConfigChange {
  return { kind: 'volume-put', spec };
}

function entry(state: ClusterState, ...changes: readonly ConfigChange[]): Command {
  return { kind: 'configure', revision: state.revision, changes, atMs: 0 };
}

function made(...changes: readonly ConfigChange[]): ClusterState {
  const { state, refused } = apply(foundedState(), entry(foundedState(), ...changes));
  assert.equal(refused, undefined);
  return state;
}

function refusalOf(state: ClusterState, ...changes: readonly ConfigChange[]): string {
  return apply(state, entry(state, ...changes)).refused?.message ?? 'it is taken';
}

test('a volume with parts is one volume, with one term and one in-sync set, and its state is read back', () => {
  const state = made(put(DB));
  assert.deepEqual(state.volumes['db']?.size, { originBytes: 5 * MIB, presentBytes: 5 * MIB });
  assert.deepEqual(decodeState(encodeState(state)), state);
  assert.deepEqual(
    partPlaces(DB, DB.sizeBytes).map(({ fullName, sizeBytes }) => [fullName, sizeBytes]),
    [
      ['db.data', 4 * MIB],
      ['db.log', MIB],
    ],
  );
});

test('nodes of an older program are not given one', () => {
  const state = { ...foundedState(), level: PARTS_LEVEL - 1 };
  assert.equal(LEVELS.levelOf(entry(state, put(DB))), PARTS_LEVEL);
  assert.equal(LEVELS.refusal(state, entry(state, put(DB)))?.code, 'needs-upgrade');
  assert.equal(LEVELS.refusal(state, entry(state, put(volume('data', ['n1'])))), undefined);
  const order = { verb: 'rescue-export', path: '/srv/image', part: 'log' } as const;
  assert.equal(
    LEVELS.levelOf({ kind: 'volume-order', volume: 'db', node: 'n1', order, atMs: 0 }),
    PARTS_LEVEL,
  );
});

test('what is wrong with parts is named', () => {
  const [n1, n2] = DB.replicas;
  assert(n1 && n2);
  const wrong: readonly [Partial<VolumeSpec>, RegExp][] = [
    [{ replicas: [n1, { node: 'n2', device: '/srv/data' }] }, /db has 2 parts, but 1 devices on n2/],
    [{ parts: [part('data', 0), part('data', MIB)] }, /two parts of one name/],
    [{ parts: [part('data', 0), part('log', 0)] }, /a part without any room/],
    [{ parts: [part('data', 0), part('log', 5 * MIB)] }, /a part without any room/],
    [{ replicas: [n1, { node: 'n2', device: '/srv/x', behind: ['/srv/x'] }] }, /parts of volume db overlap/],
    [
      { replicas: [n1, { node: 'n2', device: '/dev/sdb', behind: ['/dev/sdb1'] }] },
      /parts of volume db overlap on a disk of n2: \/dev\/sdb and \/dev\/sdb1/,
    ],
    [{ exports: [{ kind: 'nbd', listen: '127.0.0.1:1' }] }, /each is exported by itself/],
  ];
  for (const [change, pattern] of wrong)
    assert.match(refusalOf(foundedState(), put({ ...DB, ...change })), pattern);
  const two = DB.replicas.map(({ node }) => ({ node, device: '/dev/sdb1', behind: ['/dev/sdb2'] }));
  made(put({ ...DB, replicas: two }));
});

test('a part is called on its nodes as no volume is', () => {
  const lone = { ...volume('db.log', ['n1']), replicas: [{ node: 'n1', device: '/srv/other' }] };
  assert.match(refusalOf(made(put(lone)), put(DB)), /is called db\.log on its nodes, and so is a volume/);
  assert.match(refusalOf(made(put(DB)), put(lone)), /is called db\.log on its nodes/);
  const long = 'v'.repeat(60);
  assert.match(refusalOf(foundedState(), put({ ...DB, name: long })), /longer than 63 characters/);
});

test('two exports of one volume do not share an address', () => {
  const exports = [{ kind: 'nbd', listen: '127.0.0.1:9000' }] as const;
  const parts = DB.parts.map((each) => ({ ...each, exports }));
  assert.match(refusalOf(foundedState(), put({ ...DB, parts })), /two exports of volume db are on 127/);
});

test('parts stay what and where they are; only the last one grows', () => {
  const state = made(put(DB));
  const [data, log] = DB.parts;
  assert(data && log);
  const refused = (change: Partial<VolumeSpec>): string => refusalOf(state, put({ ...DB, ...change }));
  const grownData = [data, { ...log, startBytes: 5 * MIB }];
  assert.match(refused({ sizeBytes: 6 * MIB, parts: grownData }), /only its last part, log, can grow/);
  assert.match(refused({ parts: [{ ...data, name: 'files' }, log] }), /its parts, and their order, stay/);
  assert.match(refused({ sizeBytes: 4 * MIB + 4096 }), /would destroy what lies at its end/);
  const moved = DB.replicas.map((replica) => ({ ...replica, behind: ['/srv/elsewhere'] }));
  assert.match(refused({ replicas: moved }), /is on \/srv\/data, \/srv\/log; take it out/);
  assert.match(refusalOf(made(put(volume('db', ['n1']))), put(DB)), /its parts, and their order, stay/);
  assert.equal(refused(resized(DB, 'log', 2 * MIB)), 'it is taken');
  assert.equal(resized(DB, 'log', 2 * MIB).sizeBytes, 6 * MIB);
});

test('whoever has one grow says which part, and only the last one can', () => {
  const codeOf = (spec: VolumeSpec, name: string | undefined): string | undefined => {
    try {
      resized(spec, name, 8 * MIB);
      return undefined;
    } catch (error) {
      return error instanceof EterneError ? error.code : 'another error';
    }
  };
  assert.equal(codeOf(DB, undefined), 'usage');
  assert.equal(codeOf(DB, 'data'), 'refused');
  assert.equal(codeOf(DB, 'tables'), 'not-found');
  assert.equal(codeOf(DB, 'log'), undefined);
  assert.equal(codeOf(volume('one', ['n1']), 'log'), 'not-found');
  assert.equal(codeOf(volume('one', ['n1']), undefined), undefined);
});

test('a resource says which part it means', () => {
  const using = (key: string): GroupSpec => {
    const spec = group('g', ['n1', 'n2'], 'db');
    const [vol, app] = spec.resources;
    assert(vol && app);
    return {
      ...spec,
      resources: [vol, { ...app, params: { command: ['run', `\${vol.${key}}`] } }],
    };
  };
  const put2 = (key: string): ConfigChange => ({ kind: 'group-put', spec: using(key) });
  for (const key of ['device_log', 'socket_data', 'volume']) made(put(DB), put2(key));
  assert.match(
    refusalOf(foundedState(), put(DB), put2('device')),
    /app refers to \$\{vol\.device\}, but vol is of volume db and offers volume, device_data, socket_data, device_log, socket_log/,
  );
  assert.match(
    refusalOf(foundedState(), put(volume('db', ['n1', 'n2'])), put2('device_log')),
    /offers volume, device, socket/,
  );
});

test('an image is of a part that there is', () => {
  const order = (name: string) =>
    apply(made(put(DB)), {
      kind: 'volume-order',
      volume: 'db',
      node: 'n1',
      order: { verb: 'rescue-export', path: '/srv/image', part: name },
      atMs: 0,
    });
  assert.match(order('tables').refused?.message ?? '', /volume db has no part tables/);
  assert.match(order('log').state.events.at(-1)?.message ?? '', /overwritten of part log of the copy of db/);
});
