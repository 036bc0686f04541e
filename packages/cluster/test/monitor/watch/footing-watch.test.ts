/** What groups stand on, on the real machine: a cable in a network namespace, a file system that fills and turns read-only, a disk that goes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MonitorHands } from '../../../src/monitor/monitor.ts';
import { FootingWatch } from '../../../src/monitor/watch/footing-watch.ts';
import type { Look } from '../../../src/ports.ts';
import type { Trouble } from '../../../src/state/watch.ts';
import { makeHands } from '../hands.ts';

const INTERFACES = fileURLToPath(import.meta.resolve('@eterne/runtime/node/interfaces.ts'));
/** So much faster than in truth. */
const HASTE = 10;
const isRoot = process.getuid?.() === 0;
const tool = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const missing = !isRoot || spawnSync('ip', ['netns', 'list']).status !== 0;

function hasten({ world, ...hands }: MonitorHands): MonitorHands {
  const { clock, timers } = world;
  return {
    ...hands,
    world: {
      ...world,
      clock: { ...clock, bootMs: () => clock.bootMs() * HASTE },
      timers: { ...timers, every: (intervalMs, fire) => timers.every(intervalMs / HASTE, fire) },
    },
  };
}

/** What it sees of the network it sees in `namespace`: a program there tells again and again which interfaces run. */
async function inside(
  context: TestContext,
  namespace: string,
  { world, ...hands }: MonitorHands,
): Promise<MonitorHands> {
  const prefix = ['netns', 'exec', namespace] as const;
  const script = `import('${INTERFACES}').then(({ nodeInterfaces }) =>
    setInterval(() => console.log(JSON.stringify([...nodeInterfaces.running()])), 50))`;
  const teller = spawn('ip', [...prefix, process.execPath, '--eval', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  context.after(() => teller.kill('SIGKILL'));
  let running: ReadonlyMap<string, string[]> = new Map();
  const lines = createInterface(teller.stdout);
  lines.on('line', (line) => (running = new Map(JSON.parse(line) as [string, string[]][])));
  await once(lines, 'line');
  return {
    ...hands,
    interfaces: { running: () => running },
    world: {
      ...world,
      processes: {
        ...world.processes,
        spawn: ({ command, ...rest }, onExit) =>
          world.processes.spawn({ ...rest, command: ['ip', ...prefix, ...command] }, onExit),
      },
    },
  };
}

class Watched {
  troubles: readonly Trouble[] | undefined;

  constructor(context: TestContext, hands: MonitorHands, looks: readonly Look[]) {
    const watch = new FootingWatch(hasten(hands), (troubles) => (this.troubles = troubles));
    context.after(() => watch.close());
    watch.follow({ looks, fullPercent: 90, memoryPercent: 1 });
  }

  async until(...details: readonly RegExp[]): Promise<void> {
    for (let tries = 0; tries < 600; tries += 1) {
      const found = (this.troubles ?? []).map(({ detail }) => detail);
      const all =
        found.length === details.length && details.every((wanted) => found.some((one) => wanted.test(one)));
      if (this.troubles && all) return;
      await sleep(50);
    }
    assert.fail(`never ${details.join(', ')}: ${JSON.stringify(this.troubles)}`);
  }
}

test('a pulled cable and a lost address', { skip: missing && 'needs root and iproute2' }, async (context) => {
  const name = `eterne-w-${process.pid}`;
  tool('ip', 'netns', 'add', name);
  context.after(() => spawnSync('ip', ['netns', 'delete', name]));
  tool('ip', '-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'port0');
  for (const link of ['eth0', 'port0', 'lo']) tool('ip', '-n', name, 'link', 'set', link, 'up');
  const looks: readonly Look[] = [
    { kind: 'link', subject: 'eth0' },
    { kind: 'address', subject: '10.9.0.1' },
  ];
  tool('ip', '-n', name, 'address', 'add', '10.9.0.1/24', 'dev', 'eth0');
  const watched = new Watched(context, await inside(context, name, await makeHands(context)), looks);
  await watched.until();
  tool('ip', '-n', name, 'link', 'set', 'port0', 'down');
  await watched.until(/^eth0 has no carrier$/, /10\.9\.0\.1 is on no interface/);
  tool('ip', '-n', name, 'link', 'set', 'port0', 'up');
  await watched.until();
  tool('ip', '-n', name, 'address', 'flush', 'dev', 'eth0');
  await watched.until(/10\.9\.0\.1 is on no interface/);
  tool('ip', '-n', name, 'link', 'delete', 'eth0');
  await watched.until(/^eth0 is not there$/, /10\.9\.0\.1 is on no interface/);
});

test(
  'a file system that fills and turns read-only, and disks that go',
  { skip: !isRoot && 'needs root' },
  async (context) => {
    const hands = await makeHands(context);
    const directory = join(hands.dir, 'mounted');
    mkdirSync(directory);
    tool('mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', directory);
    const unmount = (): void => void spawnSync('umount', ['--lazy', directory]);
    process.once('exit', unmount);
    const image = join(hands.dir, 'replica.img');
    writeFileSync(image, 'data');
    const looks: readonly Look[] = [
      { kind: 'full', subject: directory },
      { kind: 'readOnly', subject: directory },
      { kind: 'replica', subject: image },
      { kind: 'full', subject: '' },
      { kind: 'readOnly', subject: '' },
      { kind: 'memory', subject: '' },
    ];
    const watched = new Watched(context, hands, looks);
    await watched.until();
    writeFileSync(join(directory, 'filler'), Buffer.alloc(1_000_000));
    await watched.until(/mounted is on a file system that is more than 90% full/);
    rmSync(join(directory, 'filler'));
    tool('mount', '-o', 'remount,ro', directory);
    await watched.until(/mounted is on a file system that has become read-only/);
    truncateSync(image, 0);
    await watched.until(/read-only/, /replica\.img is empty/);
    rmSync(image);
    tool('mount', '-o', 'remount,rw', directory);
    await watched.until(/replica\.img cannot be read: No such file or directory/);
    // Before the folder around it is removed.
    unmount();
  },
);
