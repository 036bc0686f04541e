import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { readIdentity, writeIdentity, type NodeIdentity } from '../../src/node/identity.ts';
import { raftLogPath, recoveryPath } from '../../src/node/layout.ts';
import { writeMarker } from '../../src/node/log-marker.ts';
import { logIdentity } from '../../src/node/raft-log.ts';
import { logLeft, recoverCluster, type Recovery, type RecoveryParts } from '../../src/node/recover.ts';
import { settle } from '../../src/pki/settle.ts';
import { Machine, machineImage } from '../../src/raft/machine.ts';
import { sorted, type Members } from '../../src/raft/members.ts';
import { replayLog } from '../../src/raft/replay.ts';
import { encodeCommand as encodeOf, Sessions } from '../../src/raft/sessions.ts';
import { readLogFile, replaceLogFile } from '../../src/raft/storage/log-store.ts';
import type { LogImage } from '../../src/raft/storage/recover.ts';
import { memberIdOf } from '../../src/raft/types.ts';
import { grantorOf } from '../../src/state/apply-half.ts';
import { decodeState, encodeCommand, encodeState } from '../../src/state/codec.ts';
import type { Command } from '../../src/state/commands.ts';
import type { ClusterState } from '../../src/state/model.ts';
import { runningState } from '../state/founded.ts';

const world = createNodeWorld('test');
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const IDENTITY: NodeIdentity = {
  version: 1,
  clusterName: 'test',
  clusterId: 'id',
  node: 'n2',
  role: 'node',
  addresses: ['10.0.0.2:7700'],
  api: '10.0.0.2:8443',
  clusterKey: Buffer.alloc(32, 7),
  tls: { certPem: 'cert', keyPem: 'key', caPem: 'ca' },
  voterId: runningState().members['n2']?.voterId ?? '',
  founder: false,
  seeds: [],
};
const SELF = logIdentity(IDENTITY).member;

interface Former {
  readonly identity?: Partial<NodeIdentity>;
  readonly state?: ClusterState;
  /** Without this node. */
  readonly isStranger?: boolean;
}

/** DIR of a node whose log has the state as a snapshot, and one more entry that is not known to be committed: n2 goes to standby. */
async function former({
  identity = {},
  state = runningState(),
  isStranger = false,
}: Former = {}): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'eterne-recover-'));
  folders.push(dir);
  const members: Members = sorted(
    Object.values(state.members)
      .map(({ name, voterId }) => ({ id: memberIdOf(name, voterId), role: 'voter' as const }))
      .filter(({ id }) => !isStranger || id !== SELF),
  );
  const leader = members[0]?.id ?? '';
  const standby: Command = { kind: 'node-mode', name: 'n2', mode: 'standby', atMs: 1000 };
  const id = { origin: leader, session: 1, sequence: 1, lowest: 1 };
  const image: LogImage = {
    identity: { cluster: 'id', member: SELF },
    starts: 3,
    hardState: { term: 5, vote: leader, commit: 9, holdMs: 700 },
    snapshot: { index: 9, term: 4, members, data: machineImage(new Sessions(), encodeState(state)) },
    entries: [
      { index: 10, term: 5, kind: 'command', data: encodeOf(id, encodeCommand(standby, state.level)) },
    ],
  };
  await settle((done) =>
    writeMarker(world.files, dir, { epoch: 0, consensus: { engine: 'embedded' } }, done),
  );
  await settle((done) => replaceLogFile(world, raftLogPath(dir), image, done));
  await settle((done) => writeIdentity(world.files, dir, { ...IDENTITY, ...identity }, done));
  return dir;
}

const recover = (dir: string, parts: Partial<RecoveryParts> = {}): Promise<Recovery> =>
  recoverCluster({ world, dir, without: ['w1', 'n1'], answers: () => Promise.resolve(false), ...parts });

/** What the node would begin with. */
async function begun(dir: string): Promise<{ identity: NodeIdentity; image: LogImage; state: ClusterState }> {
  const identity = await settle<NodeIdentity>((done) => readIdentity(world.files, dir, done));
  const image = await settle<LogImage>((done) =>
    readLogFile(world.files, raftLogPath(dir), logIdentity(identity), done),
  );
  let state: ClusterState | undefined;
  const machine = new Machine<Command>({
    encode: () => assert.fail(),
    decode: () => assert.fail('everything is in the snapshot'),
    takeSnapshot: () => assert.fail(),
    restoreSnapshot: (bytes) => (state = decodeState(bytes)),
    stopped: (error) => assert.fail(error),
  });
  replayLog(image, machine);
  assert.ok(state);
  return { identity, image, state };
}

describe('a node that goes on as a new cluster', () => {
  it('has another id and key, its own vote only, and all that its log held', async () => {
    const dir = await former();
    const before = readFileSync(raftLogPath(dir));
    const recovery = await recover(dir);
    const { identity, image, state } = await begun(dir);
    assert.equal(identity.clusterId, recovery.clusterId);
    assert.notEqual(identity.clusterId, IDENTITY.clusterId);
    assert.notDeepEqual(identity.clusterKey, IDENTITY.clusterKey);
    assert.deepEqual({ ...identity, clusterId: 'id', clusterKey: IDENTITY.clusterKey }, IDENTITY);
    assert.deepEqual(image.snapshot.members, [{ id: SELF, role: 'voter' }]);
    assert.deepEqual([image.snapshot.index, image.hardState.commit, image.hardState.term], [10, 10, 6]);
    assert.deepEqual([image.starts, image.hardState.vote], [3, undefined]);
    assert.equal(state.members['n2']?.mode, 'standby', 'what is not known to be committed counts');
    assert.equal(grantorOf(state), recovery.clusterId);
    assert.deepEqual(
      ['n1', 'w1'].map((name) => state.members[name]?.presence),
      ['lost', 'lost'],
    );
    assert.deepEqual([state.groups['db']?.owner, state.volumes['data']?.crashed], [null, 'n1']);
    assert.deepEqual(recovery.without, ['n1', 'w1']);
    assert.deepEqual([recovery.knownUntilMs, recovery.lacking], [1000, []]);
    assert.deepEqual(readFileSync(logLeft(raftLogPath(dir), 'id')), before);
    assert.equal(existsSync(recoveryPath(dir)), false);
  });

  it('is told which volumes it may lack something of', async () => {
    const state = runningState();
    const { data } = state.volumes;
    assert.ok(data);
    const inSyncSet = { ...data.inSyncSet, members: ['n1'] };
    const dir = await former({ state: { ...state, volumes: { data: { ...data, inSyncSet } } } });
    assert.deepEqual((await recover(dir)).lacking, ['data']);
  });

  it('comes to the same end when it is asked again, wherever it was cut short', async () => {
    for (let step = 0; ; step += 1) {
      const dir = await former();
      let left = step;
      const failing = <K extends 'writeFileAtomic' | 'remove'>(name: K): Files[K] =>
        ((...args: Parameters<Files[K]>) => {
          const done = args.at(-1) as (error: EterneError) => void;
          left -= 1;
          if (left < 0) world.timers.soon(() => done(new EterneError('io', 'the power is gone')));
          else (world.files[name] as (...all: unknown[]) => void)(...args);
        }) as Files[K];
      const files = Object.assign(Object.create(world.files) as Files, {
        writeFileAtomic: failing('writeFileAtomic'),
        remove: failing('remove'),
      });
      const first = await recover(dir, { world: { ...world, files } }).catch((error: unknown) => error);
      if (!(first instanceof EterneError)) {
        assert.ok(step > 3, `${step} steps`);
        break;
      }
      assert.match(first.message, /the power is gone/);
      const again = await recover(dir);
      const { identity, state } = await begun(dir);
      assert.deepEqual([identity.clusterId, state.clusterId], [again.clusterId, again.clusterId]);
      assert.equal(state.events.filter(({ code }) => code === 'cluster.recovered').length, 1);
      assert.equal(existsSync(recoveryPath(dir)), false);
    }
  });

  it('changes nothing where it is refused', async () => {
    const state = runningState();
    const cases: readonly [RegExp, Former, Partial<RecoveryParts>?][] = [
      [/is a witness/, { identity: { role: 'witness' } }],
      [/does not vote/, { isStranger: true }],
      [/on its way/, { state: { ...state, log: { ...state.log, phase: 'moving' } } }],
      [/members of this cluster are n1, w1/, {}, { without: ['n1'] }],
      [/w1 runs: it answers at/, {}, { answers: (address) => Promise.resolve(isOf(state, 'w1', address)) }],
    ];
    for (const [refusal, of, parts] of cases) {
      const dir = await former(of);
      const before = readFileSync(raftLogPath(dir));
      await assert.rejects(recover(dir, parts), refusal);
      assert.deepEqual(readFileSync(raftLogPath(dir)), before);
      assert.equal(existsSync(recoveryPath(dir)), false);
      const identity = await settle<NodeIdentity>((done) => readIdentity(world.files, dir, done));
      assert.equal(identity.clusterId, 'id');
    }
    const inEtcd = await former();
    const consensus = {
      engine: 'etcd' as const,
      endpoints: ['http://10.0.0.9:2379'],
      ca: null,
      cert: null,
      key: null,
    };
    await settle((done) => writeMarker(world.files, inEtcd, { epoch: 1, consensus }, done));
    await assert.rejects(recover(inEtcd), /is in etcd/);
  });
});

function isOf({ members }: ClusterState, name: string, address: string): boolean {
  return members[name]?.addresses.includes(address) === true;
}
