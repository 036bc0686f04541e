import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildHandle, SpawnOptions } from '@eterne/runtime';
import type { GuardedProcess } from '../../src/heart/guard.ts';
import { Monitor, type MonitorHands } from '../../src/monitor/monitor.ts';
import { MonitorClient } from '../../src/monitor/client.ts';
import { serveMonitor } from '../../src/monitor/server.ts';
import { startedPath } from '../../src/node/layout.ts';
import type { ActionResult, ResourceSpec } from '../../src/ports.ts';
import { app, FakeHeart, makeHands } from './hands.ts';

const FOREVER = ['/bin/sleep', '1000'] as const;
const TIMEOUT_MS = 60_000;

interface Bench {
  readonly monitor: Monitor;
  start(spec: ResourceSpec): Promise<ActionResult>;
  /** Why something is left. */
  kill(): Promise<string | undefined>;
}

/** With one lease of group g. */
async function benchWith(
  context: TestContext,
  hands: MonitorHands,
  heart = new FakeHeart(),
  leaseMs = TIMEOUT_MS,
): Promise<Bench> {
  const monitor = new Monitor(hands, heart);
  const kill: Bench['kill'] = () =>
    new Promise((resolve) => monitor.kill('g', (error) => resolve(error?.message)));
  context.after(async () => {
    await kill();
    monitor.close();
  });
  await new Promise<void>((resolve, reject) => monitor.open((error) => (error ? reject(error) : resolve())));
  heart.lease('g', 1, hands.world.clock.bootMs() + leaseMs);
  return {
    monitor,
    start: (spec) => new Promise((resolve) => monitor.start(spec, 1, TIMEOUT_MS, resolve)),
    kill,
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (const startedMs = performance.now(); !condition(); await sleep(5))
    assert.ok(performance.now() - startedMs < TIMEOUT_MS, 'it takes too long');
}

test('a file system that is being checked when its group is killed is not mounted afterwards', async (context) => {
  const real = await makeHands(context);
  const { processes } = real.world;
  const ran: string[] = [];
  let checker: ChildHandle | undefined;
  const standIns: Readonly<Record<string, SpawnOptions['command']>> = {
    blkid: ['/bin/echo', 'ext4'],
    'fsck.ext4': FOREVER,
    mount: ['/bin/true'],
    umount: ['/bin/true'],
  };
  const spawn: typeof processes.spawn = (options, onExit) => {
    const [program] = options.command;
    ran.push(program);
    const child = processes.spawn({ ...options, command: standIns[program] ?? options.command }, onExit);
    if (program === 'fsck.ext4') checker = child;
    return child;
  };
  const bench = await benchWith(context, {
    ...real,
    world: { ...real.world, processes: { ...processes, spawn } },
  });
  const params = { device: '/dev/eterne-none', directory: `${real.dir}/mnt`, fstype: 'ext4' };
  const started = bench.start({ group: 'g', name: 'fs', type: 'filesystem', params });
  await until(() => checker !== undefined);
  await bench.kill();
  const { pid = 0, startTime = '' } = checker ?? {};
  assert.equal(processes.alive(pid, startTime), false, 'the check has been ended');
  assert.equal((await started).ok, false);
  assert.equal(ran.includes('mount'), false);
});

test('what a kill could not take away is on record, for the vigil too, until a later one has', async (context) => {
  const real = await makeHands(context);
  const { processes, files } = real.world;
  const directory = `${real.dir}/mnt`;
  let isMounted = false;
  let isStuck = true;
  const spawn: typeof processes.spawn = ({ command }, onExit) => {
    const [program] = command;
    if (program === 'mount') isMounted = true;
    if (program === 'umount' && !isStuck) isMounted = false;
    const said =
      program === 'blkid' ? '/bin/echo' : program === 'umount' && isStuck ? '/bin/false' : '/bin/true';
    return processes.spawn({ command: [said, 'ext4'] }, onExit);
  };
  const readFile: typeof files.readFile = (path, done) => {
    if (path !== '/proc/self/mounts') return files.readFile(path, done);
    real.world.timers.soon(() =>
      done(Buffer.from(isMounted ? `/dev/eterne ${directory} ext4 rw 0 0\n` : '')),
    );
  };
  const world = { ...real.world, processes: { ...processes, spawn }, files: { ...files, readFile } };
  const heart = new FakeHeart();
  const bench = await benchWith(context, { ...real, world }, heart);
  const params = { device: '/dev/eterne', directory, fstype: 'ext4' };
  assert.equal((await bench.start({ group: 'g', name: 'fs', type: 'filesystem', params })).ok, true);
  for (const _again of [1, 2]) {
    assert.match((await bench.kill()) ?? '', /umount/);
    assert.deepEqual(
      heart.registrations.map(({ group }) => group),
      ['g'],
    );
    assert.match(readFileSync(startedPath(real.dir), 'utf8'), /"fs"/);
  }
  isStuck = false;
  assert.equal(await bench.kill(), undefined);
  assert.deepEqual(heart.registrations, []);
  assert.doesNotMatch(readFileSync(startedPath(real.dir), 'utf8'), /"fs"/);
});

test('what is killed while it is kept that it has started is not said to have started', async (context) => {
  const real = await makeHands(context);
  const { files } = real.world;
  let release: (() => void) | undefined;
  const slow: typeof files = {
    ...files,
    writeFileAtomic: (path, content, ...rest) => {
      const write = (): void => files.writeFileAtomic(path, content, ...rest);
      if (release === undefined && content.includes('"outputs":{')) release = write;
      else write();
    },
  };
  const bench = await benchWith(context, { ...real, world: { ...real.world, files: slow } });
  const started = bench.start(app({ command: FOREVER }));
  await until(() => release !== undefined);
  const killed = bench.kill();
  await until(() => bench.monitor.reports.length === 0);
  release?.();
  assert.equal(await killed, undefined);
  assert.equal((await started).ok, false);
});

test('what waits for its record to be on disk when its group is killed is not started', async (context) => {
  const real = await makeHands(context);
  const { files } = real.world;
  const writes: (() => void)[] = [];
  const slow: typeof files = {
    ...files,
    writeFileAtomic: (...write) => void writes.push(() => files.writeFileAtomic(...write)),
  };
  let spawned = 0;
  const spawner: MonitorHands['spawner'] = {
    ...real.spawner,
    spawn: (options, done) => {
      spawned += 1;
      real.spawner.spawn(options, done);
    },
  };
  const bench = await benchWith(context, { ...real, spawner, world: { ...real.world, files: slow } });
  const started = bench.start(app({ command: FOREVER }));
  await until(() => writes.length > 0);
  const killed = bench.kill();
  const timer = setInterval(() => writes.shift()?.(), 5);
  context.after(() => clearInterval(timer));
  await killed;
  assert.equal((await started).ok, false);
  assert.equal(spawned, 0);
});

test('a program that is only just being spawned when its group is killed does not live on', async (context) => {
  const real = await makeHands(context);
  const { processes } = real.world;
  let go: (() => void) | undefined;
  let spawned: { readonly pid: number; readonly startTime: string } | undefined;
  const spawner: MonitorHands['spawner'] = {
    ...real.spawner,
    spawn: (options, done) => {
      go = () =>
        real.spawner.spawn(options, (result) => {
          if ('pid' in result) spawned = result;
          done(result);
        });
    },
  };
  const bench = await benchWith(context, { ...real, spawner });
  const started = bench.start(app({ command: FOREVER }));
  await until(() => go !== undefined);
  const killed = bench.kill();
  await sleep(50);
  go?.();
  await killed;
  assert.ok(spawned !== undefined && !processes.alive(spawned.pid, spawned.startTime));
  assert.equal((await started).ok, false);
});

test('a program that is spawned while the rest of its group is being killed does not live on', async (context) => {
  const real = await makeHands(context);
  const { processes } = real.world;
  const waiting: (() => void)[] = [];
  const spawned: GuardedProcess[] = [];
  const spawner: MonitorHands['spawner'] = {
    ...real.spawner,
    spawn: (options, done) => {
      waiting.push(() =>
        real.spawner.spawn(options, (result) => {
          if ('pid' in result) spawned.push(result);
          done(result);
        }),
      );
    },
  };
  const isAlive = ({ pid, startTime }: GuardedProcess): boolean => processes.alive(pid, startTime);
  const bench = await benchWith(context, { ...real, spawner });
  const first = bench.start(app({ command: FOREVER }));
  await until(() => waiting.length > 0);
  waiting.shift()?.();
  assert.equal((await first).ok, true);
  const second = bench.start({ ...app({ command: FOREVER }), name: 'second' });
  await until(() => waiting.length > 0);
  const killed = bench.kill();
  waiting.shift()?.();
  await killed;
  assert.equal(spawned.length, 2);
  assert.deepEqual(spawned.filter(isAlive), []);
  assert.equal((await second).ok, false);
});

test('what was killed because its lease has lapsed is stopped only when it has ended', async (context) => {
  const real = await makeHands(context);
  const { processTrees } = real.world;
  let mark: string | undefined;
  let isDying = true;
  const killMarked: typeof processTrees.killMarked = (sought) => {
    const killed = processTrees.killMarked(sought);
    return sought === mark && isDying ? 1 : killed;
  };
  const heart = new FakeHeart();
  context.after(() => {
    isDying = false;
  });
  const hands = { ...real, world: { ...real.world, processTrees: { killMarked } } };
  const bench = await benchWith(context, hands, heart, 2000);
  const spec = app({ command: FOREVER });
  assert.equal((await bench.start(spec)).ok, true);
  mark = heart.registrations[0]?.mark;
  await until(() => bench.monitor.reports.length === 0);
  const stop = (timeoutMs: number): Promise<ActionResult> =>
    new Promise((resolve) => bench.monitor.stop(spec, timeoutMs, resolve));
  assert.match((await stop(200)).reason, /does not end/);
  const stopped = stop(TIMEOUT_MS);
  assert.equal(await Promise.race([stopped, sleep(300, 'waits')]), 'waits');
  isDying = false;
  assert.equal((await stopped).ok, true);
});

test('what waits for its record to be on disk when it is stopped is not started beside the stop', async (context) => {
  const real = await makeHands(context);
  const { files, processes, timers } = real.world;
  const writes: (() => void)[] = [];
  let isSlow = true;
  const ran: string[] = [];
  const spawn: typeof processes.spawn = ({ command }, onExit) => {
    ran.push(command[0]);
    return processes.spawn({ command: [command[0] === 'blkid' ? '/bin/echo' : '/bin/true', 'ext4'] }, onExit);
  };
  const slow: typeof files = {
    ...files,
    writeFileAtomic: (...write) =>
      isSlow ? void writes.push(() => files.writeFileAtomic(...write)) : files.writeFileAtomic(...write),
    readFile: (path, done) => void timers.after(100, () => files.readFile(path, done)),
  };
  const world = { ...real.world, files: slow, processes: { ...processes, spawn } };
  const bench = await benchWith(context, { ...real, world });
  const params = { device: '/dev/eterne-none', directory: `${real.dir}/mnt`, fstype: 'ext4' };
  const spec = { group: 'g', name: 'fs', type: 'filesystem', params };
  const started = bench.start(spec);
  await until(() => writes.length > 0);
  const stopped = new Promise<ActionResult>((resolve) => bench.monitor.stop(spec, TIMEOUT_MS, resolve));
  isSlow = false;
  writes.shift()?.();
  assert.equal((await started).ok, false);
  assert.equal((await stopped).ok, true);
  assert.equal(ran.includes('mount'), false);
});

test('at the end of the node everything is killed and taken away, and nothing started any more', async (context) => {
  const real = await makeHands(context);
  const { processes } = real.world;
  const ran: string[] = [];
  const spawn: typeof processes.spawn = ({ command }, onExit) => {
    ran.push(command.join(' '));
    const said = command[0] === 'blkid' ? '/bin/echo' : '/bin/true';
    return processes.spawn({ command: [said, 'ext4'] }, onExit);
  };
  const heart = new FakeHeart();
  const bench = await benchWith(
    context,
    { ...real, world: { ...real.world, processes: { ...processes, spawn } } },
    heart,
  );
  const directory = `${real.dir}/mnt`;
  const params = { device: '/dev/eterne', directory, fstype: 'ext4' };
  assert.equal((await bench.start({ group: 'g', name: 'fs', type: 'filesystem', params })).ok, true);
  assert.equal((await bench.start(app({ command: FOREVER }))).ok, true);
  const { pid = 0, startTime = '' } = heart.registrations.flatMap((each) => each.processes)[0] ?? {};
  assert.equal(processes.alive(pid, startTime), true);
  await new Promise<void>((resolve) => bench.monitor.end(resolve));
  assert.equal(processes.alive(pid, startTime), false);
  assert.ok(ran.includes(`umount --lazy ${directory}`));
  assert.deepEqual(heart.registrations, []);
  assert.equal((await bench.start(app({ command: FOREVER }))).ok, false);
});

test('a start that waits for its lease when its group is killed is not begun when the lease comes', async (context) => {
  const hands = await makeHands(context);
  const heart = new FakeHeart();
  const bench = await benchWith(context, hands, heart);
  const started = new Promise<ActionResult>((resolve) =>
    bench.monitor.start(app({ command: FOREVER }), 2, TIMEOUT_MS, resolve),
  );
  await bench.kill();
  heart.lease('g', 2, hands.world.clock.bootMs() + TIMEOUT_MS);
  assert.equal((await started).ok, false);
  assert.deepEqual(bench.monitor.reports, []);
});

test('a service that ended starts nothing any more: neither what waits for its lease nor what is read after its successor', async (context) => {
  const hands = await makeHands(context);
  const heart = new FakeHeart();
  const bench = await benchWith(context, hands, heart);
  const address = `unix:${hands.dir}/monitor.sock`;
  const listener = await new Promise<{ close(): void }>((resolve, reject) =>
    serveMonitor(hands.world, address, bench.monitor, (result) =>
      'close' in result ? resolve(result) : reject(result),
    ),
  );
  const connect = async (): Promise<MonitorClient> => {
    const client = new MonitorClient(hands.world, address);
    context.after(() => client.close());
    await new Promise<void>((resolve) => client.ping([], () => resolve()));
    return client;
  };
  context.after(() => listener.close());
  const startBy = (client: MonitorClient, epoch: number): Promise<ActionResult> =>
    new Promise((resolve) => client.start(app({ command: FOREVER }), epoch, TIMEOUT_MS, resolve));
  const [dead, slow, successor] = [await connect(), await connect(), await connect()];
  const waiting = startBy(dead, 2);
  await new Promise<void>((resolve) => dead.probe(app({ command: FOREVER }), () => resolve()));
  dead.close();
  await waiting;
  await sleep(50);
  heart.lease('g', 2, hands.world.clock.bootMs() + TIMEOUT_MS);
  assert.deepEqual(bench.monitor.reports, []);
  await new Promise<void>((resolve) => successor.probe(app({ command: FOREVER }), () => resolve()));
  assert.equal((await startBy(slow, 2)).ok, false);
  assert.deepEqual(bench.monitor.reports, []);
  assert.equal((await startBy(successor, 2)).ok, true);
});

test('a start in the place of something that is being stopped is not begun when who asked for it has ended', async (context) => {
  const hands = await makeHands(context);
  const heart = new FakeHeart();
  const bench = await benchWith(context, hands, heart);
  const stubborn = ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'];
  assert.equal((await bench.start(app({ command: stubborn }))).ok, true);
  let isThere = true;
  const started = new Promise<ActionResult>((resolve) =>
    bench.monitor.start(app({ command: FOREVER }), 1, TIMEOUT_MS, resolve, () => isThere),
  );
  await until(() => bench.monitor.reports.some(({ state }) => state === 'stopping'));
  isThere = false;
  for (const { pid } of heart.registrations.flatMap(({ processes }) => processes))
    hands.world.processes.killGroup(pid, 'SIGKILL');
  assert.equal((await started).ok, false);
  assert.deepEqual(bench.monitor.reports, []);
});
