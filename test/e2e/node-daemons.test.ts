/** A real node, its real daemons, and what becomes of them and of a running group when they are killed. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eterne, freePort } from './support/disk-node.ts';

const ETERNE = fileURLToPath(new URL('../../eterne', import.meta.url));
const DAEMONS = ['service', 'monitor', 'heart', 'disk'] as const;
type DaemonName = (typeof DAEMONS)[number];

interface Status {
  readonly nodes: readonly { readonly pids: Readonly<Record<DaemonName, number | null>> }[];
  readonly groups: readonly { readonly state: string; readonly owner: string | null }[];
}

let dir = '';
let launcher: ChildProcess;

async function start(): Promise<void> {
  launcher = spawn(ETERNE, ['node', 'run', '--dir', dir], { stdio: 'ignore' });
  await until('the node answers', async () => (await status()) !== undefined);
}

async function status(): Promise<Status | undefined> {
  const { code, stdout } = await eterne('status', '--json', '--dir', dir);
  return code === 0 ? (JSON.parse(stdout) as Status) : undefined;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - startedMs < withinMs, `${what} within ${withinMs} ms`);
    await sleep(20);
  }
}

const isOnline = async (): Promise<boolean> => (await status())?.groups[0]?.state === 'online';

/** Command lines of everything that belongs to this node's folder, by pid. */
function processes(): Map<number, string> {
  const found = new Map<number, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (command.includes(dir) || environment.includes(`BELONGS_TO=${dir}`)) found.set(Number(pid), command);
    } catch {
      // it ended while we looked
    }
  }
  found.delete(process.pid);
  return found;
}

/** The daemons are the launcher's children; their titles name them. */
function pidOf(daemon: DaemonName): number | undefined {
  const children = readFileSync(`/proc/${launcher.pid}/task/${launcher.pid}/children`, 'utf8')
    .trim()
    .split(' ');
  const isIt = (pid: string): boolean => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return command.startsWith(`eterne-${daemon}`) || command.includes(`/daemons/${daemon}.ts`);
    } catch {
      return false;
    }
  };
  const found = children.find(isIt);
  return found === undefined ? undefined : Number(found);
}

const appPid = (): number | undefined =>
  [...processes()].find(([, command]) => command.startsWith('/bin/sleep'))?.[0];

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'eterne-node-'));
  const address = `127.0.0.1:${await freePort()}`;
  const api = `127.0.0.1:${await freePort()}`;
  const init = [
    'cluster',
    'init',
    '--dir',
    dir,
    '--name',
    'c',
    '--node',
    'n1',
    '--address',
    address,
    '--api',
    api,
  ];
  assert.equal((await eterne(...init)).code, 0);
  await start();
  const document = join(dir, 'document.yaml');
  const command = '["/bin/sleep", "12345"]';
  writeFileSync(
    document,
    `volumes:
  - { name: v, size: 8MiB, mode: sync, replicas: { n1: ${dir}/v.img } }
groups:
  - name: g
    nodes: [n1]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
      - { name: app, type: app, command: ${command}, env: { BELONGS_TO: "${dir}" } }
`,
  );
  const applied = await eterne('config', 'apply', '--dir', dir, '-f', document);
  assert.equal(applied.code, 0, applied.stderr);
  await until('the group is online', isOnline);
});

after(async () => {
  launcher.kill('SIGKILL');
  await until('nothing is left', () => processes().size === 0);
  await rm(dir, { recursive: true });
});

for (const daemon of DAEMONS)
  test(`kill -9 of ${daemon}: it runs again within a second, the group goes on here`, async () => {
    await until('the group is online', isOnline);
    const [pid, app] = [pidOf(daemon) ?? assert.fail(`${daemon} does not run`), appPid()];
    process.kill(pid, 'SIGKILL');
    await until(`${daemon} runs again`, () => (pidOf(daemon) ?? pid) !== pid, 1000);
    await until('the group is online', isOnline);
    const now = await status();
    assert.equal(now?.groups[0]?.owner, 'n1');
    await until('status shows the new pid', async () => {
      const pids = (await status())?.nodes[0]?.pids;
      return pids?.[daemon] === pidOf(daemon);
    });
    if (daemon !== 'disk') assert.equal(appPid(), app, 'the program was left alone');
  });

test('a daemon that hangs is killed and runs again', async () => {
  const pid = pidOf('heart') ?? assert.fail('no heart');
  process.kill(pid, 'SIGSTOP');
  await until('the heart runs again', () => (pidOf('heart') ?? pid) !== pid, 15_000);
  await until('the group is online', isOnline);
});

test('a second node in the same folder is refused', async () => {
  const second = await eterne('node', 'run', '--dir', dir);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^eterne: the node in .* is running already\n$/);
});

test('when the launcher is killed nothing of the node goes on', async () => {
  await until('the group is online', isOnline);
  launcher.kill('SIGKILL');
  await until('nothing is left', () => processes().size === 0, 2000);
});

test('the node comes back with its group, and SIGTERM leaves nothing', async () => {
  await start();
  await until('the group is online', isOnline);
  launcher.kill('SIGTERM');
  const [code] = (await once(launcher, 'exit')) as [number | null];
  assert.equal(code, 0);
  assert.equal(processes().size, 0);
  assert.deepEqual(
    readdirSync(join(dir, 'run')).filter((name) => name === 'started.json' || name === 'launcher.sock'),
    [],
  );
});

test('a port in use is one line and exit code 2', async () => {
  const identity = JSON.parse(readFileSync(join(dir, 'node.json'), 'utf8')) as { addresses: string[] };
  const [host = '', port = ''] = identity.addresses[0]?.split(':') ?? [];
  const { createSocket } = await import('node:dgram');
  const squatter = createSocket('udp4');
  squatter.bind(Number(port), host);
  await once(squatter, 'listening');
  const run = await eterne('node', 'run', '--dir', dir);
  squatter.close();
  assert.equal(run.code, 2);
  assert.equal(run.stderr.split('\n').filter((line) => line.startsWith('eterne: ')).length, 1, run.stderr);
  assert.match(run.stderr, /in use|EADDRINUSE/);
  assert.equal(existsSync(join(dir, 'run', 'launcher.sock')), false);
});
