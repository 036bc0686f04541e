/** Agents that need root and the kernel: a real loop device and file system, a real floating address in a network namespace of its own. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Hands } from '../../../src/monitor/agents/agent.ts';
import { filesystemAgent } from '../../../src/monitor/agents/filesystem/agent.ts';
import { ipAgent } from '../../../src/monitor/agents/ip/agent.ts';
import { mirrorAgent } from '../../../src/monitor/agents/mirror/agent.ts';
import { Monitor } from '../../../src/monitor/monitor.ts';
import { volumeSocketPath } from '../../../src/node/layout.ts';
import { until } from '../../contract/beds.ts';
import { FakeHeart, makeHands } from '../hands.ts';
import type { ActionResult } from '../../../src/ports.ts';
import { Subject, well } from './subject.ts';

const NATIVE = fileURLToPath(import.meta.resolve('@eterne/runtime/node/native.ts'));
const isRoot = process.getuid?.() === 0;
const has = (...tools: readonly string[]): boolean =>
  tools.every((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0);
const tool = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

function loopDevice(context: TestContext, path: string): string {
  writeFileSync(path, '');
  truncateSync(path, 16 * 1024 * 1024);
  const device = tool('losetup', '--find', '--show', path).trim();
  context.after(() => spawnSync('losetup', ['--detach', device]));
  return device;
}

const hasLoop = isRoot && spawnSync('losetup', ['--find']).status === 0 && has('mkfs.ext4', 'blkid');

test(
  'a file system is made once, checked, mounted and unmounted',
  { skip: !hasLoop && 'needs root and loop devices' },
  async (context) => {
    const hands = await makeHands(context);
    const device = loopDevice(context, join(hands.dir, 'image'));
    const directory = join(hands.dir, 'mounted here');
    context.after(() => spawnSync('umount', ['--lazy', directory]));
    const params = { device, directory, fstype: 'ext4' };
    const cautious = await new Subject(hands, filesystemAgent, params).start();
    assert.match(cautious.reason, /holds no file system; set format: if-blank/);
    const subject = new Subject(hands, filesystemAgent, { ...params, format: 'if-blank' });
    assert.deepEqual((await well(subject.start())).outputs, { directory, device });
    writeFileSync(join(directory, 'kept'), 'yes');
    await well(subject.start());
    assert.equal((await subject.check()).state, 'running');
    assert.equal(await subject.find(), true);
    await well(subject.stop());
    assert.equal(await subject.find(), false);
    assert.equal((await subject.check()).state, 'failed');
    assert.equal(existsSync(join(directory, 'kept')), false);
    await well(subject.start());
    assert.equal(readFileSync(join(directory, 'kept'), 'utf8'), 'yes');
    tool('mount', '-o', 'remount,ro', directory);
    assert.match((await subject.check()).reason, /read-only/);
    await well(subject.stop());
    const wrong = await new Subject(hands, filesystemAgent, {
      ...params,
      fstype: 'xfs',
      format: 'if-blank',
    }).start();
    assert.match(wrong.reason, /holds ext4, not xfs/);
  },
);

test(
  'who keeps a file system from being unmounted is named, and killed when that is wanted',
  { skip: !hasLoop && 'needs root and loop devices' },
  async (context) => {
    const hands = await makeHands(context);
    const device = loopDevice(context, join(hands.dir, 'image'));
    const directory = join(hands.dir, 'mounted');
    context.after(() => spawnSync('umount', ['--lazy', directory]));
    const params = { device, directory, fstype: 'ext4', format: 'if-blank' };
    const patient = new Subject(hands, filesystemAgent, { ...params, unmount: 'patient' }, 500);
    const subject = new Subject(hands, filesystemAgent, params);
    await well(subject.start());
    const user = spawn('sleep', ['1000'], { cwd: directory });
    context.after(() => user.kill('SIGKILL'));
    const ended = once(user, 'exit');
    assert.match((await patient.stop()).reason, new RegExp(`used by sleep \\(${user.pid}\\)`));
    await well(new Subject(hands, filesystemAgent, params, 1000).stop());
    await ended;
    assert.equal(user.signalCode, 'SIGKILL');
  },
);

test(
  'a file system is the same by whatever link its device and its directory are called',
  { skip: !hasLoop && 'needs root and loop devices' },
  async (context) => {
    const hands = await makeHands(context);
    const real = loopDevice(context, join(hands.dir, 'image'));
    const device = join(hands.dir, 'by-id');
    symlinkSync(real, device);
    const place = join(hands.dir, 'mounted');
    mkdirSync(place);
    symlinkSync(place, join(hands.dir, 'link'));
    const directory = join(hands.dir, 'link/');
    context.after(() => spawnSync('umount', ['--lazy', place]));
    const params = { device, directory, fstype: 'ext4', format: 'if-blank' };
    const subject = new Subject(hands, filesystemAgent, params, 1000);
    assert.equal(await subject.find(), false);
    await well(subject.start());
    assert.deepEqual(await subject.check(), { state: 'running', reason: '' });
    assert.equal(await subject.find(), true);
    await well(subject.start());
    const user = spawn('sleep', ['1000'], { cwd: place });
    context.after(() => user.kill('SIGKILL'));
    await well(subject.stop());
    assert.equal(await subject.find(), false);
    assert.equal(readFileSync('/proc/self/mounts', 'utf8').includes(place), false);
  },
);

test(
  'what somebody else has mounted where a file system belongs stays, and so does who uses it',
  { skip: !hasLoop && 'needs root and loop devices' },
  async (context) => {
    const hands = await makeHands(context);
    const device = loopDevice(context, join(hands.dir, 'image'));
    const other = loopDevice(context, join(hands.dir, 'other'));
    const directory = join(hands.dir, 'mounted');
    context.after(() => spawnSync('umount', ['--lazy', directory]));
    mkdirSync(directory);
    tool('mkfs.ext4', '-q', other);
    tool('mount', other, directory);
    const params = { device, directory, fstype: 'ext4', format: 'if-blank' };
    const [heart, spec] = [new FakeHeart(), { group: 'g', name: 'fs', type: 'filesystem', params }];
    const monitor = new Monitor(hands, heart);
    await new Promise((resolve) => monitor.open(resolve));
    heart.lease('g', 1, hands.world.clock.bootMs() + 10_000);
    const started = await new Promise<ActionResult>((resolve) => monitor.start(spec, 1, 1000, resolve));
    assert.match(started.reason, /is mounted on .* already/);
    await well(new Promise((resolve) => monitor.stop(spec, 1000, resolve)));
    await new Promise<ActionResult>((resolve) => monitor.start(spec, 1, 1000, resolve));
    assert.equal(await new Promise((resolve) => monitor.kill('g', resolve)), undefined);
    monitor.close();
    assert.match(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(`${other} ${directory} `));
    tool('umount', directory);
  },
);

const hasFuse = hasLoop && existsSync('/dev/fuse') && has('nbdfuse', 'nbdkit');

test(
  'a volume becomes a block device and leaves again',
  { skip: !hasFuse && 'needs root, FUSE, nbdfuse and nbdkit' },
  async (context) => {
    const hands = await makeHands(context);
    const image = join(hands.dir, 'image');
    writeFileSync(image, '');
    truncateSync(image, 8 * 1024 * 1024);
    const server = { PATH: process.env['PATH'] ?? '' };
    const nbdkit = hands.world.processes.spawn(
      { command: ['nbdkit', '-f', '-U', volumeSocketPath(hands.dir, 'v'), 'file', image], env: server },
      () => {},
    );
    context.after(() => nbdkit.kill('SIGKILL'));
    const subject = new Subject(hands, mirrorAgent, { volume: 'v', attach: 'fuse' });
    context.after(() => subject.abandon());
    const device = (await well(subject.start())).outputs['device'] ?? assert.fail('no device');
    assert.match(device, /^\/dev\/loop\d+$/);
    assert.equal((await subject.check()).state, 'running');
    tool('dd', 'if=/dev/zero', `of=${device}`, 'bs=4096', 'count=1', 'seek=5', 'conv=fsync', 'status=none');
    tool('sh', '-c', `printf written | dd of=${device} bs=4096 seek=6 conv=fsync status=none`);
    assert.equal(readFileSync(image).toString('utf8', 6 * 4096, 6 * 4096 + 7), 'written');
    await well(subject.stop());
    assert.equal(
      tool('losetup', '--list', '--noheadings', '--output', 'NAME').includes(`${device}\n`),
      false,
    );
    assert.equal(readFileSync('/proc/self/mounts', 'utf8').includes(hands.dir), false);
  },
);

test(
  'each part of a volume becomes a block device, and all of them leave together',
  { skip: !hasFuse && 'needs root, FUSE, nbdfuse and nbdkit' },
  async (context) => {
    const hands = await makeHands(context);
    const server = { PATH: process.env['PATH'] ?? '' };
    for (const part of ['data', 'log']) {
      const image = join(hands.dir, `${part}.img`);
      writeFileSync(image, '');
      truncateSync(image, 8 * 1024 * 1024);
      const socket = volumeSocketPath(hands.dir, `v.${part}`);
      const nbdkit = hands.world.processes.spawn(
        { command: ['nbdkit', '-f', '-U', socket, 'file', image], env: server },
        () => {},
      );
      context.after(() => nbdkit.kill('SIGKILL'));
    }
    const params = { volume: 'v', attach: 'fuse' };
    const subject = new Subject(hands, mirrorAgent, params, undefined, ['data', 'log']);
    context.after(() => subject.abandon());
    const { outputs } = await well(subject.start());
    const keys = ['volume', 'socket_data', 'device_data', 'socket_log', 'device_log'];
    assert.deepEqual(Object.keys(outputs), keys);
    assert.equal(outputs['socket_log'], volumeSocketPath(hands.dir, 'v.log'));
    for (const part of ['data', 'log']) {
      const device = outputs[`device_${part}`];
      tool('sh', '-c', `printf ${part} | dd of=${device} bs=4096 seek=6 conv=fsync status=none`);
      const image = readFileSync(join(hands.dir, `${part}.img`));
      assert.equal(image.toString('utf8', 6 * 4096, 6 * 4096 + part.length), part);
    }
    assert.equal((await subject.check()).state, 'running');
    const [first, ...others] = subject.processes;
    assert(first !== undefined && others.length === 1, 'each part has a helper of its own');
    process.kill(first.pid, 'SIGKILL');
    while (hands.world.processes.alive(first.pid, first.startTime)) await sleep(10);
    assert.match((await subject.check()).reason, /volume v is not attached any more/);
    await well(subject.stop());
    const loops = tool('losetup', '--list', '--noheadings', '--output', 'NAME');
    for (const part of ['data', 'log']) assert.equal(loops.includes(`${outputs[`device_${part}`]}\n`), false);
    assert.equal(readFileSync('/proc/self/mounts', 'utf8').includes(hands.dir), false);
  },
);

test(
  'a machine that takes long to run a program loses no address by it, and no stop fails',
  { skip: !has('ip') && 'needs iproute2' },
  async (context) => {
    const real = await makeHands(context);
    const { processes } = real.world;
    const spawn: typeof processes.spawn = ({ command, ...rest }, onExit) =>
      processes.spawn(
        { ...rest, command: ['/bin/sh', '-c', 'sleep 1.2; exec "$@"', 'sh', ...command] },
        onExit,
      );
    const hands = { ...real, world: { ...real.world, processes: { ...processes, spawn } } };
    const here = new Subject(hands, ipAgent, { address: '127.0.0.1/8', interfaces: ['lo'] });
    assert.deepEqual(await here.check(), { state: 'running', reason: '' });
    await well(new Subject(hands, ipAgent, { address: '192.0.2.77/32', interfaces: ['lo'] }).stop());
  },
);

const hasNamespaces = isRoot && has('ip') && spawnSync('ip', ['netns', 'list']).status === 0;

/** Two machines on one cable (live0 ─ live0), and a second NIC of the first that is plugged in nowhere (dead0). */
function makeMachines(context: TestContext): { readonly server: string; readonly client: string } {
  const [server, client] = [`eterne-s-${process.pid}`, `eterne-c-${process.pid}`];
  for (const name of [server, client]) {
    tool('ip', 'netns', 'add', name);
    context.after(() => spawnSync('ip', ['netns', 'delete', name]));
  }
  tool('ip', '-n', server, 'link', 'add', 'dead0', 'type', 'veth', 'peer', 'name', 'loose0');
  tool('ip', '-n', server, 'link', 'set', 'dead0', 'up');
  tool('ip', '-n', server, 'link', 'add', 'live0', 'type', 'veth', 'peer', 'name', 'live0', 'netns', client);
  for (const name of [server, client]) tool('ip', '-n', name, 'link', 'set', 'live0', 'up');
  tool('ip', '-n', client, 'address', 'add', '10.20.0.1/24', 'dev', 'live0');
  tool('ip', 'netns', 'exec', client, 'sysctl', '-qw', 'net.ipv4.conf.live0.arp_accept=1');
  return { server, client };
}

/** Everything that the agent does, it does on the machine `namespace`. */
function handsIn(namespace: string, hands: Hands): Hands {
  const inside = ['ip', 'netns', 'exec', namespace] as const;
  const { processes } = hands.world;
  const spawn: typeof processes.spawn = ({ command, ...rest }, onExit) =>
    processes.spawn({ ...rest, command: [...inside, ...command] }, onExit);
  const send: Hands['frames']['send'] = (name, build) => {
    const mac = tool(...inside, 'cat', `/sys/class/net/${name}/address`).trim();
    const frame = build(Buffer.from(mac.replaceAll(':', ''), 'hex')).toString('hex');
    const script = `import('${NATIVE}').then((native) => process.exit(native.sendLinkFrame('${name}', Buffer.from('${frame}', 'hex'))))`;
    tool(...inside, process.execPath, '--disable-warning=ExperimentalWarning', '--eval', script);
    return undefined;
  };
  return { ...hands, frames: { send }, world: { ...hands.world, processes: { ...processes, spawn } } };
}

const isKnownTo = (client: string): boolean =>
  tool('ip', '-n', client, 'neighbour', 'show', '10.20.0.100').includes('lladdr');

test(
  'a floating address goes where a link is, the neighbours hear of it, and it is put back',
  { skip: !hasNamespaces && 'needs root and iproute2' },
  async (context) => {
    const { server, client } = makeMachines(context);
    const params = { address: '10.20.0.100/24', interfaces: ['dead0', 'live0'] };
    const subject = new Subject(handsIn(server, await makeHands(context)), ipAgent, params);
    assert.equal((await subject.check()).state, 'failed');
    assert.deepEqual((await well(subject.start())).outputs, { address: '10.20.0.100', interface: 'live0' });
    assert.equal((await subject.check()).state, 'running');
    await until('the client has heard of it', () => isKnownTo(client), 30_000);
    tool('ip', '-n', client, 'link', 'set', 'live0', 'down');
    assert.equal((await subject.check()).state, 'running', 'the other has no link either');
    tool('ip', '-n', server, 'link', 'set', 'loose0', 'up');
    assert.match((await subject.check()).reason, /link of live0 is down/);
    assert.deepEqual((await well(subject.start())).outputs, { address: '10.20.0.100', interface: 'dead0' });
    await well(subject.stop());
    assert.match((await subject.check()).reason, /gone from this node/);
    await well(subject.stop());
  },
);

test(
  'a floating address without a link waits for it where it is, and is announced when it is back',
  { skip: !hasNamespaces && 'needs root and iproute2' },
  async (context) => {
    const { server, client } = makeMachines(context);
    const hands = handsIn(server, await makeHands(context));
    for (const address of ['10.20.0.100/24', 'fd20::100/64']) {
      const interfaces = ['gone0', 'live0', 'dead0'];
      const subject = new Subject(hands, ipAgent, { address, interfaces });
      tool('ip', '-n', client, 'link', 'set', 'live0', 'down');
      const { outputs } = await well(subject.start());
      assert.equal(outputs?.['interface'], 'live0', address);
      assert.equal((await subject.check()).state, 'running', address);
      // What its start announces is over.
      await sleep(2500);
      assert.equal((await subject.check()).state, 'running', address);
      assert.equal(isKnownTo(client), false);
      tool('ip', '-n', client, 'link', 'set', 'live0', 'up');
      await sleep(1000);
      assert.equal((await subject.check()).state, 'running', address);
      // Nobody takes up an unsolicited advertisement of IPv6 that he has no entry for.
      if (address.startsWith('10.'))
        await until('the client has heard of it', () => isKnownTo(client), 30_000);
      await well(subject.stop());
    }
    const nowhere = new Subject(hands, ipAgent, { address: '10.20.0.100/24', interfaces: ['gone0'] });
    assert.match((await nowhere.start()).reason, /there is no interface gone0/);
  },
);

test(
  'the other addresses of its network stay when it goes, also where it came first',
  { skip: !hasNamespaces && 'needs root and iproute2' },
  async (context) => {
    const { server } = makeMachines(context);
    tool('ip', 'netns', 'exec', server, 'sysctl', '-qw', 'net.ipv4.conf.live0.promote_secondaries=0');
    const hands = handsIn(server, await makeHands(context));
    const first = new Subject(hands, ipAgent, { address: '10.20.0.100/24', interfaces: ['live0'] });
    const second = new Subject(hands, ipAgent, { address: '10.20.0.101/24', interfaces: ['live0'] });
    await well(first.start());
    await well(second.start());
    // As a network manager does when the cable is back.
    tool('ip', '-n', server, 'address', 'add', '10.20.0.2/24', 'dev', 'live0');
    await well(first.stop());
    assert.equal((await second.check()).state, 'running');
    assert.match(tool('ip', '-n', server, 'address', 'show', 'dev', 'live0'), /inet 10\.20\.0\.2\/24/);
    await well(second.stop());
  },
);
