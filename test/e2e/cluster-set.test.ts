/**
 * Volumes with parts in a cluster, with real processes: the node that owns them is killed while a writer fills log and data in order. What the successor has of an
 * asynchronous one, whose copy hung meanwhile, is one point of that order; of a synchronous one nothing is missing that was acknowledged.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { socketPath } from '@eterne/cluster/node/layout.ts';
import { callHttp } from '@eterne/runtime/node/http.ts';
import { attachMissing } from './support/attached.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';
import { assertPoint, NUMBER_BYTES, OrderedWriter, type Parts } from './support/ordered-writer.ts';

const KILLS = 3;
const WRITING_MS = 500;
/** Numbers of which sockets cannot hold all (Linux: 32 MiB of the receiver, 4 MiB of the sender at most), and a queue can (64 MiB). */
const BEHIND = (40 * 1024 * 1024) / NUMBER_BYTES;
const MIB = 1024 * 1024;
const lab = await ClusterLab.make('parts');
const n1 = lab.member('n1', 84);
const n2 = lab.member('n2', 85);
lab.member('w', 86, 'witness');

const part = (volume: string, name: string, size: string): string =>
  `{ name: ${name}, size: ${size}, replicas: { n1: ${n1.dir}/${volume}.${name}.img, n2: ${n2.dir}/${volume}.${name}.img } }`;
const volume = (name: string, mode: string): string => `
  - name: ${name}
    ${mode}
    parts: [${part(name, 'data', '4MiB')}, ${part(name, 'log', '2MiB')}]`;
const group = (name: string): string => `
  - name: ${name}
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: ${name}, attach: none }
      - { name: app, type: app, command: ["/bin/sleep", "12345"], env: { LOG: "\${vol.device_log}", DATA: "\${vol.device_data}" } }`;
const DOCUMENT = `volumes:${volume('near', 'mode: sync')}${volume('far', 'mode: async\n    asyncTakeover: auto')}
groups:${group('near')}${group('far')}
`;

function partsOf(node: ClusterNode, name: string): Parts {
  const at = (own: string) => ({ path: join(node.dir, 'run', `${name}.${own}.nbd`), name: `${name}.${own}` });
  return { log: at('log'), data: at('data') };
}

const runsOn = async (owner: ClusterNode): Promise<boolean> =>
  (await owner.status())?.groups.every(({ owner: by, state }) => by === owner.name && state === 'online') ??
  false;

/** … and the other node has everything. */
const isFollowed = async (owner: ClusterNode, other: ClusterNode): Promise<boolean> => {
  const volumes = (await owner.status())?.volumes ?? [];
  const follows = volumes.every(({ inSyncSet, mode, replicas }) =>
    mode === 'sync'
      ? inSyncSet.length === 2
      : replicas.find(({ node }) => node === other.name)?.lagBytes === 0,
  );
  return follows && (await runsOn(owner));
};

/** The process that takes what is sent to the copy of a volume on `node`. */
async function workerOf(node: ClusterNode, name: string): Promise<number> {
  const control = `unix:${socketPath(node.dir, 'disk')}`;
  const call = { method: 'GET', path: '/v1/processes', timeoutMs: 5000 } as const;
  const { volumes } = (await callHttp(control, call)) as { volumes: { name: string; pid: number }[] };
  const volume = volumes.find((each) => each.name === name);
  assert.ok(volume);
  return volume.pid;
}

before(() => lab.begin(DOCUMENT));

after(() => lab.end());

test(
  'what the successor has of several parts is one point of the order of their writes, and of a synchronous volume everything',
  { timeout: 600_000 },
  async () => {
    let [owner, other] = [n1, n2];
    let written = { near: 0, far: 0 };
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await until(`${other.name} follows ${owner.name}`, () => isFollowed(owner, other));
      const near = await OrderedWriter.begin(partsOf(owner, 'near'), written.near);
      const far = await OrderedWriter.begin(partsOf(owner, 'far'), written.far);
      await sleep(WRITING_MS);
      const worker = await workerOf(other, 'far');
      process.kill(worker, 'SIGSTOP');
      const reached = far.acknowledged + BEHIND;
      await until('the copy is behind', () => far.acknowledged >= reached);
      await owner.losePower();
      process.kill(worker, 'SIGCONT');
      await Promise.all([near.ended, far.ended]);
      assert.ok(near.acknowledged > written.near, 'something was written');
      assert.ok(far.acknowledged > written.far, 'something was written');
      await until(`${other.name} goes on`, () => runsOn(other));
      written = {
        near: await assertPoint(partsOf(other, 'near')),
        far: await assertPoint(partsOf(other, 'far')),
      };
      assert.ok(written.far < far.acknowledged, 'the copy was behind when its owner died');
      assert.ok(
        written.near >= near.acknowledged,
        `${near.acknowledged - written.near} acknowledged numbers are lost`,
      );
      await owner.start();
      [owner, other] = [other, owner];
    }
    await until(`${other.name} follows ${owner.name}`, () => isFollowed(owner, other));
  },
);

test('the last part grows while it is in use, and no other', { timeout: 600_000 }, async () => {
  const resize = (of: string, size: string) =>
    eterne('volume', 'resize', 'near', '--part', of, '--size', size, '--dir', n1.dir);
  const refused = await resize('data', '8MiB');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /only log can grow/);
  const { code, stderr } = await resize('log', '8MiB');
  assert.equal(code, 0, stderr);
  await until('the log has grown', async () => {
    const near = (await n1.status())?.volumes.find(({ name }) => name === 'near');
    return near?.growsToBytes === null && near.parts.at(-1)?.sizeBytes === 8 * MIB;
  });
  const near = (await n1.status())?.volumes.find(({ name }) => name === 'near');
  assert.deepEqual(near?.parts, [
    { name: 'data', sizeBytes: 4 * MIB },
    { name: 'log', sizeBytes: 8 * MIB },
  ]);
});

test(
  'an image of what a crashed owner had more is of all parts, or of one',
  { timeout: 600_000 },
  async () => {
    const image = (name: string): string => join(lab.root, name);
    const dump = (name: string, ...of: readonly string[]) =>
      eterne(
        'volume',
        'rescue',
        'export',
        'far',
        '--node',
        'n1',
        '--to',
        image(name),
        ...of,
        '--dir',
        n1.dir,
      );
    for (const [name, ...of] of [['whole'], ['log', '--part', 'log']] as const) {
      const { code, stderr } = await dump(name, ...of);
      assert.equal(code, 0, stderr);
    }
    assert.equal(statSync(image('whole')).size, 6 * MIB);
    assert.equal(statSync(image('log')).size, 2 * MIB);
    assert.ok(
      readFileSync(image('whole'))
        .subarray(4 * MIB)
        .equals(readFileSync(image('log'))),
    );
    assert.match((await dump('none', '--part', 'tables')).stderr, /has no part tables/);
  },
);

test('a volume with parts is made and shown by the command line, too', { timeout: 600_000 }, async () => {
  const disk = (name: string, size: string): readonly string[] => [
    '--part',
    `${name}:${size}:n1=${n1.dir}/cli.${name}.img,n2=${n2.dir}/cli.${name}.img`,
  ];
  const create = (...of: readonly string[]) => eterne('volume', 'create', 'cli', ...of, '--dir', n1.dir);
  assert.equal((await create('--size', '1MiB', ...disk('data', '1MiB'))).code, 2);
  assert.equal((await create('--part', 'data:1MiB')).code, 2);
  const { code, stderr } = await create(...disk('data', '3MiB'), ...disk('log', '1MiB'));
  assert.equal(code, 0, stderr);
  const { stdout } = await eterne('volume', 'list', '--dir', n1.dir);
  assert.match(stdout, /cli +4 MiB \(data 3 MiB, log 1 MiB\)/);
  assert.equal((await eterne('volume', 'delete', 'cli', '--dir', n1.dir)).code, 0);
});

test(
  'file systems on two parts move together, and each has what was written to it',
  { timeout: 600_000, skip: attachMissing() },
  async () => {
    const directory = (of: string): string => join(lab.root, `mounted-${of}`);
    const mount = (of: string): string =>
      `{ name: ${of}, type: filesystem, device: "\${vol.device_${of}}", directory: ${directory(of)}, fstype: ext4, format: if-blank }`;
    await lab.apply(`volumes:${volume('files', 'mode: sync').replaceAll(/size: [24]MiB/g, 'size: 16MiB')}
groups:
  - name: files
    nodes: [n1, n2]
    resources: [{ name: vol, type: mirror, volume: files, attach: fuse }, ${mount('data')}, ${mount('log')}]
`);
    const isOn = (node: ClusterNode) => async (): Promise<boolean> => {
      const status = await node.status();
      const files = status?.groups.find(({ name }) => name === 'files');
      const copies = status?.volumes.find(({ name }) => name === 'files')?.inSyncSet.length;
      return files?.owner === node.name && files.state === 'online' && copies === 2;
    };
    await until('it runs on n1', isOn(n1));
    for (const name of ['data', 'log'])
      writeFileSync(join(directory(name), 'letter'), `to ${name}`, { flush: true });
    const move = await eterne('group', 'move', 'files', '--to', 'n2', '--dir', n1.dir);
    assert.equal(move.code, 0, move.stderr);
    await until('it runs on n2', isOn(n2));
    for (const name of ['data', 'log'])
      assert.equal(readFileSync(join(directory(name), 'letter'), 'utf8'), `to ${name}`);
    assert.equal((await eterne('group', 'stop', 'files', '--dir', n1.dir)).code, 0);
    await until(
      'nothing of it is mounted',
      () => !readFileSync('/proc/self/mounts', 'utf8').includes(lab.root),
    );
  },
);

test('both replicas of every part are the same when nobody writes', { timeout: 600_000 }, async () => {
  for (const name of ['near', 'far']) {
    const { code, stderr } = await eterne('group', 'stop', name, '--dir', n1.dir);
    assert.equal(code, 0, stderr);
  }
  await until('both groups are stopped', async () =>
    ((await n1.status())?.groups ?? []).every(({ state }) => state === 'stopped'),
  );
  for (const image of ['near.data', 'near.log', 'far.data', 'far.log'])
    execFileSync('cmp', [join(n1.dir, `${image}.img`), join(n2.dir, `${image}.img`)]);
});
