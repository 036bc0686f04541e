/** What a volume on shared devices may be, what of it may change, and what an operator's word does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/state/apply.ts';
import { decodeState, encodeState } from '../../src/state/codec.ts';
import type { Command, ConfigChange } from '../../src/state/commands.ts';
import { lunOf } from '../../src/state/joined.ts';
import { JOINED_LEVEL, LEVELS } from '../../src/state/levels.ts';
import type { ClusterState, JoinedSpec, VolumeSpec } from '../../src/state/model.ts';
import { dataOn } from '../../src/service/leader/data.ts';
import { group, volume } from '../service/fake-cluster.ts';
import { after, foundedState } from './founded.ts';

const A = 'iscsi://10.0.1.1/iqn.2026-11.x:a/1';
const B = 'iscsi://10.0.2.1/iqn.2026-11.x:b/1';
const joined = (fence: JoinedSpec['fence'] = 'reservation'): JoinedSpec => ({ devices: ['a', 'b'], fence });
const reached = (device: string, other: string) =>
  ['n1', 'n2'].map((node) => ({ node, device, behind: [other] }));
const DATA: VolumeSpec = { ...volume('data', []), replicas: reached(A, B), joined: joined() };

const put = (spec: VolumeSpec): ConfigChange => ({ kind: 'volume-put', spec });

function entry(state: ClusterState, ...changes: readonly ConfigChange[]): Command {
  return { kind: 'configure', revision: state.revision, changes, atMs: 0 };
}

const refusalOf = (state: ClusterState, ...changes: readonly ConfigChange[]): string =>
  apply(state, entry(state, ...changes)).refused?.message ?? 'it is taken';

/** Group db on it, owned by n1 in epoch 1, promoted in term 1. */
function running(): ClusterState {
  const founded = foundedState();
  const groupPut = { kind: 'group-put', spec: group('db', ['n1', 'n2'], 'data') } as const;
  const made = after(founded, entry(founded, put(DATA), groupPut));
  return after(made, assign('n1', 0), promote('n1', 1, 0));
}

const assign = (owner: string, expectedEpoch: number): Command => ({
  kind: 'group-assign',
  group: 'db',
  expectedEpoch,
  owner,
  reason: 'test',
  displaced: false,
  leaderTerm: 1,
  atMs: 0,
});

const promote = (node: string, epoch: number, expectedTerm: number): Command => ({
  kind: 'volume-promote',
  volume: 'data',
  node,
  group: 'db',
  epoch,
  expectedTerm,
  seenTerm: 0,
  reached: [node],
  atMs: 0,
});

function told(state: ClusterState, members: readonly string[], reason = 'told'): Command {
  const { inSyncSet, primary, term } = state.volumes['data'] ?? assert.fail();
  const node = primary ?? 'nobody';
  return {
    kind: 'volume-set',
    volume: 'data',
    node,
    term,
    expectedVersion: inSyncSet.version,
    members,
    reason,
    atMs: 0,
  };
}

test('its state is read back, and nodes of an older program are not given one', () => {
  const state = running();
  assert.deepEqual(decodeState(encodeState(state)), state);
  const older = { ...foundedState(), level: JOINED_LEVEL - 1 };
  assert.equal(LEVELS.refusal(older, entry(older, put(DATA)))?.code, 'needs-upgrade');
  assert.equal(LEVELS.refusal(older, entry(older, put(volume('data', ['n1'])))), undefined);
});

test('what cannot be is refused, with the reason', () => {
  const refused = (change: Partial<VolumeSpec>, pattern: RegExp, state = foundedState()): void =>
    assert.match(refusalOf(state, put({ ...DATA, ...change })), pattern);
  refused(
    { replicas: reached('/dev/sdb', '/dev/sdc') },
    /device a on n1, \/dev\/sdb, takes no reservation.*fence: fencing/,
  );
  refused(
    { replicas: reached('/dev/sdb', '/dev/sdc'), joined: joined('fencing') },
    /needs a fence device of n1/,
  );
  refused({ replicas: reached('/dev/sdb', '/srv/b'), joined: joined('lock') }, /is no file/);
  refused(
    { replicas: reached('nbd+unix:///x?socket=/a', B), joined: joined('fencing') },
    /may still do what it was asked/,
  );
  refused({ replicas: reached(A, `${A}?data_digest=crc32c`) }, /two devices on one disk of n1/);
  refused(
    { replicas: reached(`${A}?initiator=iqn.x`, B) },
    /two of its nodes have one initiator name, iqn\.x/,
  );
  refused({ replicas: [{ node: 'n1', device: A }] }, /data has 2 disks, but 1 devices on n1|devices on n1/);
  refused({ mode: 'async' }, /written synchronously/);
  refused({ rescueJournal: { path: null, maxBytes: 1, whenFull: 'pause' } }, /no rescue journal/);
  refused(
    { exports: [{ kind: 'iscsi', listen: '10.0.0.1:3260', iqn: 'iqn.x' }] },
    /would not move to another node/,
  );
  const state = foundedState();
  refused({}, /prefer: availability lets both/, {
    ...state,
    config: { ...state.config, prefer: 'availability', tieBreaker: { kind: 'none' } },
  });
  const fence = { agent: 'fence_x', params: {}, level: 1, action: 'off', timeoutMs: 1, retries: 0 } as const;
  const fencing = [
    { node: 'n1', ...fence },
    { node: 'n2', ...fence },
  ];
  const fenced = { ...state, config: { ...state.config, fencing } };
  const watched = {
    ...fenced,
    config: { ...fenced.config, watchdog: { device: '/dev/watchdog', timeoutMs: 2000 } },
  };
  refused(
    { replicas: reached('/dev/sdb', '/dev/sdc'), joined: joined('fencing') },
    /with a watchdog.*nobody waits longer/,
    watched,
  );
  assert.equal(
    refusalOf(fenced, put({ ...DATA, replicas: reached('/dev/sdb', '/dev/sdc'), joined: joined('fencing') })),
    'it is taken',
  );
  assert.equal(
    refusalOf(state, put({ ...DATA, replicas: reached('/srv/a', '/srv/b'), joined: joined('lock') })),
    'it is taken',
  );
});

test('a LUN belongs to one volume, however it is written, and to all nodes of that', () => {
  assert.equal(lunOf('iscsi://u%p@10.0.1.1/iqn.x/1?preempt=yes'), 'iscsi://10.0.1.1:3260/iqn.x/1');
  assert.equal(lunOf('iscsi://[fd00::1]:3261/iqn.x/1'), 'iscsi://[fd00::1]:3261/iqn.x/1');
  assert.equal(lunOf('/dev/sdb'), '/dev/sdb');
  const other = { ...DATA, name: 'other', replicas: reached('iscsi://10.0.9.1/iqn.x/1', `${B}?preempt=yes`) };
  const state = foundedState();
  assert.match(refusalOf(state, put(DATA), put(other)), /volume data and volume other are on the same disk/);
  assert.equal(refusalOf(state, put(DATA)), 'it is taken');
});

test('any of its nodes may be promoted, whatever was told of its devices, and no other', () => {
  const state = after(running(), told(running(), ['b'], 'a: does not answer'));
  assert.deepEqual(state.volumes['data']?.inSyncSet, { version: 1, members: ['b'] });
  assert.match(state.events.at(-1)?.message ?? '', /in sync on data: b \(a: does not answer\)/);
  const db = state.groups['db'] ?? assert.fail();
  assert.equal(dataOn(state, db, new Set(['n2']), 'n2').kind, 'whole');
  assert.equal(dataOn(state, db, new Set(['n3']), 'n3').kind, 'unfit');
  const taken = after(state, assign('n2', 1));
  assert.equal(taken.volumes['data']?.crashed, null, 'no copy went down with n1');
  const next = after(taken, promote('n2', taken.groups['db']?.epoch ?? 0, 1)).volumes['data'];
  assert.deepEqual(
    [next?.term.number, next?.primary, next?.inSyncSet],
    [2, 'n2', { version: 1, members: ['b'] }],
  );
  assert.equal(apply(taken, told(state, ['a', 'b'])).refused?.code, 'conflict', 'n1 tells nothing any more');
});

test('only devices are told of', () => {
  assert.equal(apply(running(), told(running(), ['n1'])).refused?.code, 'refused');
  assert.equal(apply(running(), told(running(), ['a', 'b'])).refused, undefined);
});

test('its devices stay; how they are reached changes while nobody serves it', () => {
  const state = running();
  const elsewhere = { ...DATA, replicas: reached(A, 'iscsi://10.0.3.1/iqn.2026-11.x:c/1') };
  assert.match(
    refusalOf(state, put({ ...DATA, joined: { ...joined(), devices: ['a', 'c'] } })),
    /its devices, and their order, stay/,
  );
  assert.match(refusalOf(state, put(volume('data', ['n1', 'n2']))), /its devices, and their order, stay/);
  assert.match(refusalOf(state, put(elsewhere)), /served by n1: stop its group before/);
  const idle = {
    ...state,
    volumes: { data: { ...(state.volumes['data'] ?? assert.fail()), primary: null } },
  };
  assert.equal(refusalOf(idle, put(elsewhere)), 'it is taken');
  const [n1] = DATA.replicas;
  assert.ok(n1);
  const alone = { kind: 'group-put', spec: group('db', ['n1'], 'data') } as const;
  assert.equal(refusalOf(state, alone, put({ ...DATA, replicas: [n1] })), 'it is taken');
});

test('an operator says with which device it goes on, until it has', () => {
  const state = running();
  const word: Command = { kind: 'volume-accept-loss', volume: 'data', node: 'b', atMs: 0 };
  assert.match(apply(state, word).refused?.message ?? '', /group db owns volume data on n1/);
  const released = after(
    state,
    { kind: 'group-desire', group: 'db', desired: 'stopped', atMs: 0 },
    {
      kind: 'group-released',
      group: 'db',
      node: 'n1',
      epoch: 1,
      outcome: 'stopped',
      reason: 'test',
      atMs: 0,
    },
  );
  assert.match(apply(released, { ...word, node: 'n1' }).refused?.message ?? '', /no device n1/);
  const said = after(released, word);
  assert.equal(said.volumes['data']?.goesOnWith, 'b');
  assert.deepEqual(decodeState(encodeState(said)), said);
  const again = after(
    said,
    { kind: 'group-desire', group: 'db', desired: 'started', atMs: 0 },
    assign('n2', 1),
  );
  const served = after(again, promote('n2', again.groups['db']?.epoch ?? 0, 1));
  assert.equal(served.volumes['data']?.goesOnWith, 'b');
  assert.equal(after(served, told(served, ['b'])).volumes['data']?.goesOnWith, undefined);
});

test('orders go to whoever serves it, and name devices', () => {
  const state = running();
  const order = (node: string, body: Extract<Command, { kind: 'volume-order' }>['order']): string =>
    apply(state, { kind: 'volume-order', volume: 'data', node, order: body, atMs: 0 }).refused?.message ??
    'ok';
  assert.equal(order('n1', { verb: 'verify', peer: 'b', fast: false, repair: false }), 'ok');
  assert.equal(order('n1', { verb: 'resync' }), 'ok');
  assert.match(order('n2', { verb: 'resync' }), /not served by n2/);
  assert.match(order('n1', { verb: 'connect', peer: 'n2' }), /no device n2/);
  assert.match(order('n1', { verb: 'invalidate' }), /knows no invalidate/);
  assert.equal(order('n1', { verb: 'resolve', peer: 'a', discard: 'remote' }), 'ok');
});
