/**
 * A virtual machine with a guest in it, on a mirrored volume (C5): the guest writes to its disk and says what is on stable storage; its group is moved, then its node is killed. On
 * the other node the guest comes up with every block that it had acknowledged, and it never runs twice.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { guestMissing } from '../conformance/kernel/support/guest.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { CountingGuest } from './support/counting-guest.ts';
import { eterne } from './support/disk-node.ts';

/** An emulated guest on a busy machine. */
const PATIENCE_MS = 150_000;
const BLOCKS = 20;

const missing = guestMissing();
const lab = await ClusterLab.make('vm');
const n1 = lab.member('n1', 121);
const n2 = lab.member('n2', 122);
lab.member('w', 123, 'witness');
const guest = missing === false ? new CountingGuest(lab.root) : undefined;

/** With `lan` a busy machine would lose its leases, and the guest its disk, again and again. Nothing is measured here. */
const documentOf = (command: readonly string[]): string => {
  const restart = { attempts: 10, window: '10m' };
  const check = { interval: '2s', timeout: '10s' };
  return JSON.stringify({
    cluster: { profile: 'wan' },
    volumes: [{ name: 'v', size: '4MiB', replicas: { n1: `${n1.dir}/v.img`, n2: `${n2.dir}/v.img` } }],
    groups: [
      {
        name: 'g',
        nodes: ['n1', 'n2'],
        resources: [
          { name: 'vol', type: 'mirror', volume: 'v', attach: 'none', restart },
          { name: 'vm', type: 'vm', qemu: command, stopTimeout: '60s', check, restart },
        ],
      },
    ],
  });
};

const said = (): readonly string[] => guest?.said ?? [];
const isOf = (word: string) => (line: string) => line.startsWith(`${word} `);
const numberIn = (line: string): number => Number(line.split(' ').at(-1));

/** From the `from`th of its words on the guest says this so often. */
const says = (word: string, times: number, from = said().length): Promise<void> =>
  until(`${word} ${times} times`, () => said().slice(from).filter(isOf(word)).length >= times, PATIENCE_MS);

const runsOn = (node: ClusterNode): Promise<void> =>
  until(
    `it runs on ${node.name}`,
    async () => {
      const group = (await node.status())?.groups[0];
      return group?.owner === node.name && group.state === 'online';
    },
    PATIENCE_MS,
  );

/** One row over all boots: each finds what was acknowledged before, and perhaps the block that was under way. A second guest would write some blocks again. */
function assertNothingLost(): void {
  const lines = said();
  const context = lines.slice(-3 * BLOCKS).join('; ');
  assert.deepEqual(lines.filter(isOf('broken')), []);
  let last = 0;
  for (const line of lines) {
    if (isOf('holds')(line))
      assert.ok([last, last + 1].includes(numberIn(line)), `${line} after ${last}: ${context}`);
    else if (isOf('acked')(line)) assert.equal(numberIn(line), last + 1, context);
    else continue;
    last = numberIn(line);
  }
}

before(async () => {
  if (guest) await lab.begin(documentOf(guest.command('${vol.device}')));
});
after(() => lab.end());

test('a guest that is moved has every acknowledged block on the other node', { skip: missing }, async () => {
  await runsOn(n1);
  await says('acked', BLOCKS);
  const { code, stderr } = await eterne('group', 'move', 'g', '--to', 'n2', '--dir', n1.dir);
  assert.equal(code, 0, stderr);
  await runsOn(n2);
  assert.ok(said().includes('bye'), 'it was shut down by its power button');
  await says('holds', 1, said().indexOf('bye'));
  assertNothingLost();
});

test(
  'a guest whose node is killed has every acknowledged block on the other node',
  { skip: missing },
  async () => {
    await says('acked', BLOCKS);
    // Its guest, too.
    await n2.losePower();
    await until('the guest is gone', () => n2.processes().size === 0);
    const from = said().length;
    await runsOn(n1);
    await says('holds', 1, from);
    await says('acked', BLOCKS, from);
    assertNothingLost();
  },
);
