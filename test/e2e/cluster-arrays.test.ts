/**
 * Two hosts and two arrays in a cluster (C3): the group's volume is on a LUN of each. A node that dies, or hangs and goes on later, is a switch-over with every
 * acknowledged write; an array that dies is none. Arrays are targets of our own, with persistent reservations, and know the nodes apart although all run on
 * one machine.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { DiskArray } from './support/disk-array.ts';
import { eterne } from './support/disk-node.ts';

const SIZE_BYTES = 16 * 1024 * 1024;
const BLOCK_BYTES = 4096;
const SLOTS = SIZE_BYTES / BLOCK_BYTES;
const lab = await ClusterLab.make('arrays');
const n1 = lab.member('n1', 151);
const n2 = lab.member('n2', 152);
lab.member('w', 153, 'witness');
const arrays = { left: new DiskArray(), right: new DiskArray() };
type ArrayName = keyof typeof arrays;

/** Writes numbers one after the other, each to its slot, until nobody serves the volume any more. */
class Writer {
  /** Slot → the number that was acknowledged last; one more may be there. */
  static readonly acknowledged = new Map<number, number>();
  static next = 1;
  readonly ended: Promise<void>;
  readonly #client: NbdClient;
  #isOver = false;

  static async on(node: ClusterNode): Promise<Writer> {
    return new Writer(await NbdClient.open({ path: join(node.dir, 'run', 'data.nbd') }, 'data'));
  }

  private constructor(client: NbdClient) {
    this.#client = client;
    this.ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.ended;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const number = Writer.next++;
      const slot = (number * 13) % SLOTS;
      const block = Buffer.alloc(BLOCK_BYTES);
      block.writeDoubleLE(number);
      const isWritten = await this.#client.write(slot * BLOCK_BYTES, block).then(
        ({ error }) => error === 0,
        () => false,
      );
      if (!isWritten) break;
      Writer.acknowledged.set(slot, number);
    }
    this.#client.socket.destroy();
  }
}

/** Whatever was acknowledged is read from `node`. */
async function assertAllIsThere(node: ClusterNode): Promise<void> {
  assert.ok(Writer.acknowledged.size > 0, 'something was written');
  const client = await NbdClient.open({ path: join(node.dir, 'run', 'data.nbd') }, 'data');
  for (const [slot, number] of Writer.acknowledged) {
    const { data, error } = await client.read(slot * BLOCK_BYTES, BLOCK_BYTES);
    assert.equal(error, 0);
    // A later one of the same slot may have been written and not answered.
    assert.ok([number, number + SLOTS].includes(data.readDoubleLE()), `slot ${slot} has ${number}`);
  }
  client.socket.destroy();
}

async function seen(
  asked: ClusterNode,
  what: string,
  isSo: (status: ClusterStatus) => boolean,
): Promise<void> {
  await until(`${asked.name} sees ${what}`, async () => {
    const status = await asked.status();
    return status !== undefined && isSo(status);
  });
}

/** A process, and all that it and they have started. */
function withChildren(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.map(Number).flatMap(withChildren)];
}

const isOn =
  (owner: ClusterNode) =>
  ({ groups: [group], volumes: [volume] }: ClusterStatus): boolean =>
    group?.owner === owner.name && group.state === 'online' && volume?.primary === owner.name;

const inSync =
  (...names: readonly ArrayName[]) =>
  ({ volumes: [volume] }: ClusterStatus): boolean =>
    volume?.inSyncSet.join() === names.join() &&
    volume.devices.every(({ name, disk }) => !names.some((each) => each === name) || disk === 'UpToDate');

/** An array dies under load and comes back: nothing moves, and it is brought up to date. */
async function loseAndRepair(lost: ArrayName, other: ArrayName, owner: ClusterNode): Promise<void> {
  const epoch = (await owner.status())?.groups[0]?.epoch;
  const writer = await Writer.on(owner);
  await arrays[lost].kill();
  await seen(owner, `${lost} out of the set`, inSync(other));
  await arrays[lost].start();
  await seen(owner, `${lost} in the set again`, inSync('left', 'right'));
  await writer.stop();
  const group = (await owner.status())?.groups[0];
  assert.deepEqual(
    [group?.owner, group?.epoch, group?.state],
    [owner.name, epoch, 'online'],
    'nothing moves',
  );
  await assertAllIsThere(owner);
  const { stdout } = await eterne('events', '--json', '--dir', owner.dir);
  const { events } = JSON.parse(stdout) as { events: readonly { code: string; message: string }[] };
  const told = events.filter(({ code }) => code === 'volume.set').map(({ message }) => message);
  assert.ok(
    told.some((message) => message.startsWith(`in sync on data: ${other} (${lost}: `)),
    told.join('\n'),
  );
}

before(async () => {
  for (const array of Object.values(arrays)) await array.start();
  const devices = `{ left: "${arrays.left.uri}", right: "${arrays.right.uri}" }`;
  await lab.begin(`volumes:
  - { name: data, size: ${SIZE_BYTES}, devices: ${devices}, nodes: [n1, n2], diskTimeout: 10s }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: data, attach: none }
      - ${lab.program()}
`);
});
after(async () => {
  await lab.end();
  for (const array of Object.values(arrays)) await array.remove();
});

test('blank LUNs become a volume that its first node serves from both', { timeout: 600_000 }, async () => {
  await seen(n2, 'it served by n1', isOn(n1));
  await seen(n2, 'both in sync', inSync('left', 'right'));
});

test('a node that dies is a switch-over, with every acknowledged write', { timeout: 600_000 }, async () => {
  const writer = await Writer.on(n1);
  await until('some is written', () => Writer.acknowledged.size > 200);
  await n1.losePower(lab.programs());
  await writer.ended;
  await seen(n2, 'it served by n2', isOn(n2));
  await assertAllIsThere(n2);
  await n1.start();
});

test('a disk process that is killed is a pause', { timeout: 600_000 }, async () => {
  const writer = await Writer.on(n2);
  const term = (await n2.status())?.volumes[0]?.term ?? 0;
  process.kill(n2.pidOf('disk') ?? assert.fail('n2 has a disk process'), 'SIGKILL');
  await writer.ended;
  await seen(n2, 'a later term', ({ volumes: [volume] }) => (volume?.term ?? 0) > term);
  await seen(n2, 'it served by n2', isOn(n2));
  await assertAllIsThere(n2);
});

test('an array that dies moves nothing, and is repaired when it is back', { timeout: 600_000 }, async () => {
  await seen(n2, 'both in sync', inSync('left', 'right'));
  await loseAndRepair('left', 'right', n2);
  await loseAndRepair('right', 'left', n2);
  // Asked of the other node, which hands it on to the one that serves.
  const { code, stderr, stdout } = await eterne('volume', 'verify', 'data', '--dir', n1.dir);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /left.*\n.*right/);
});

test('the other node takes over with the array that was repaired', { timeout: 600_000 }, async () => {
  await arrays.right.kill();
  await seen(n2, 'right out of the set', inSync('left'));
  const writer = await Writer.on(n2);
  await until('more is written', () => Writer.acknowledged.size > 400);
  await seen(n2, 'n1 online', ({ nodes }) => nodes.every(({ state }) => state === 'online'));
  await n2.losePower(lab.programs());
  await writer.ended;
  await seen(n1, 'it served by n1', isOn(n1));
  await assertAllIsThere(n1);
  await arrays.right.start();
  await seen(n1, 'both in sync', inSync('left', 'right'));
  await n2.start();
});

/** Unless those that went on before have killed it already, as its lease is over. */
function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}

test(
  'a node that hangs beyond its lease, and goes on, writes nothing more',
  { timeout: 600_000 },
  async () => {
    await seen(n1, 'n2 online', ({ nodes }) => nodes.every(({ state }) => state === 'online'));
    const writer = await Writer.on(n1);
    await until('more is written', () => Writer.acknowledged.size > 600);
    const hung = withChildren(n1.pid ?? assert.fail('n1 runs'));
    for (const pid of hung) process.kill(pid, 'SIGSTOP');
    await seen(n2, 'it served by n2', isOn(n2));
    const before = await Writer.on(n2);
    await until('n2 writes', () => Writer.acknowledged.size > 800);
    for (const pid of hung) goOn(pid);
    await writer.ended;
    await seen(n1, 'n2 serve on', isOn(n2));
    await before.stop();
    await assertAllIsThere(n2);
    await seen(n2, 'both in sync', inSync('left', 'right'));
    const { code, stderr } = await eterne('group', 'stop', 'g', '--dir', n2.dir);
    assert.equal(code, 0, stderr);
    await seen(n2, 'it served by nobody', ({ groups: [group] }) => group?.state === 'stopped');
    const [left, right] = [arrays.left, arrays.right].map(({ content }) => content.subarray(0, SIZE_BYTES));
    assert.ok(right && left?.equals(right), 'the arrays differ');
  },
);
