/** What people protect, by the agents they already have: a file system, PostgreSQL, nginx, Apache, MariaDB. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { freePort } from '@eterne/runtime/node/ports.ts';
import type { Hands } from '../../../src/monitor/agents/agent.ts';
import { ocfAgent } from '../../../src/monitor/agents/ocf/agent.ts';
import { makeHands } from '../hands.ts';
import { hasAgent, isRoot, newPostgres, noPostgres } from './heartbeat-agents.ts';
import { Subject, well } from './subject.ts';

const hasLoop =
  isRoot &&
  spawnSync('losetup', ['--find']).status === 0 &&
  spawnSync('sh', ['-c', 'command -v modprobe']).status === 0;
const heartbeat = (name: string) => ocfAgent({ provider: 'heartbeat', name });

const noFilesystem =
  !(hasLoop && hasAgent('Filesystem')) && 'needs root, loop devices, modprobe and resource-agents';

test('ocf:heartbeat:Filesystem on a loop device, and abandoned', { skip: noFilesystem }, async (context) => {
  const hands = await makeHands(context);
  const image = join(hands.dir, 'image');
  const directory = join(hands.dir, 'mounted');
  writeFileSync(image, '');
  truncateSync(image, 16 * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', image]);
  const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
  context.after(() => spawnSync('losetup', ['--detach', device]));
  context.after(() => spawnSync('umount', ['--lazy', directory]));
  mkdirSync(directory);
  const subject = new Subject(hands, heartbeat('Filesystem'), {
    params: { device, directory, fstype: 'ext4' },
  });
  await well(subject.start());
  assert.equal((await subject.check()).state, 'running');
  assert.equal(existsSync(join(directory, 'lost+found')), true);
  assert.equal(await subject.abandon(), '');
  assert.equal((await subject.check()).state, 'failed');
  assert.equal(existsSync(join(directory, 'lost+found')), false);
});

test(
  'ocf:heartbeat:pgsql runs a real server, and none of it survives a lapsed lease',
  { skip: noPostgres },
  async (context) => {
    const hands = await makeHands(context);
    const { params, query } = await newPostgres(hands.dir);
    const subject = new Subject(hands, heartbeat('pgsql'), { params });
    context.after(() => subject.abandon());
    await well(subject.start());
    assert.equal((await subject.check()).state, 'running');
    assert.equal(query('select 6 * 7'), '42');
    assert.equal(await subject.abandon(), '');
    assert.throws(() => query('select 1'));
    assert.equal((await subject.check()).state, 'failed');
    await well(subject.start());
    await well(subject.stop());
    assert.equal((await subject.check()).state, 'failed');
  },
);

const found = (...programs: readonly string[]): string | undefined =>
  programs.find((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0);
const lacks = (agent: string, ...programs: readonly string[]): string | false =>
  !(isRoot && found(...programs) !== undefined && hasAgent(agent)) &&
  `needs root, ${programs.join(' or ')} and resource-agents`;

/** Start, one question, a lapsed lease, and again with an ordinary stop. */
async function lives(
  context: TestContext,
  agent: string,
  hands: Hands,
  params: Record<string, unknown>,
  ask: () => boolean | Promise<boolean>,
): Promise<void> {
  const subject = new Subject(hands, heartbeat(agent), { params });
  context.after(() => subject.abandon());
  await well(subject.start());
  assert.equal((await subject.check()).state, 'running');
  assert.equal(await ask(), true);
  assert.equal(await subject.abandon(), '');
  assert.equal(await ask(), false);
  assert.equal((await subject.check()).state, 'failed');
  await well(subject.start());
  assert.equal(await ask(), true);
  await well(subject.stop());
  assert.equal(await ask(), false);
}

const answers = (port: number) => (): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    ({ ok }) => ok,
    () => false,
  );

test('ocf:heartbeat:nginx runs a real server', { skip: lacks('nginx', 'nginx') }, async (context) => {
  const hands = await makeHands(context);
  const port = await freePort();
  const configfile = join(hands.dir, 'nginx.conf');
  const site = `server { listen 127.0.0.1:${port}; location / { return 200 "well\\n"; } }`;
  const pid = join(hands.dir, 'nginx.pid');
  writeFileSync(
    configfile,
    `pid ${pid};\nerror_log ${hands.dir}/error.log;\nevents {}\nhttp { access_log off; ${site} }\n`,
  );
  await lives(context, 'nginx', hands, { configfile, httpd: found('nginx'), status10url: '' }, answers(port));
});

test('ocf:heartbeat:apache runs a real server', { skip: lacks('apache', 'apache2') }, async (context) => {
  const hands = await makeHands(context);
  const port = await freePort();
  const configfile = join(hands.dir, 'httpd.conf');
  const modules = '/usr/lib/apache2/modules';
  const load = (name: string): string => `LoadModule ${name}_module ${modules}/mod_${name}.so`;
  const lines = [
    ...['mpm_event', 'authz_core', 'status', 'dir'].map(load),
    `ServerRoot ${hands.dir}`,
    `ServerName localhost`,
    `PidFile ${hands.dir}/httpd.pid`,
    `ErrorLog ${hands.dir}/error.log`,
    `Listen 127.0.0.1:${port}`,
    `DocumentRoot ${hands.dir}/www`,
    '<Location /server-status>\n  SetHandler server-status\n</Location>',
  ];
  chmodSync(hands.dir, 0o755);
  mkdirSync(join(hands.dir, 'www'));
  writeFileSync(join(hands.dir, 'www', 'index.html'), 'well');
  writeFileSync(configfile, `${lines.join('\n')}\n`);
  const params = {
    configfile,
    httpd: found('apache2'),
    port,
    statusurl: `http://127.0.0.1:${port}/server-status`,
  };
  await lives(context, 'apache', hands, params, answers(port));
});

test(
  'ocf:heartbeat:mariadb’s agent runs a real server',
  { skip: lacks('mysql', 'mariadbd') },
  async (context) => {
    const hands = await makeHands(context);
    chmodSync(hands.dir, 0o755);
    const datadir = join(hands.dir, 'data');
    execFileSync(
      'mariadb-install-db',
      [
        '--no-defaults',
        `--datadir=${datadir}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--user=root',
      ],
      { stdio: 'ignore' },
    );
    const config = join(hands.dir, 'my.cnf');
    writeFileSync(config, '[mysqld]\nskip-networking\nuser=root\ninnodb-flush-method=fsync\n');
    const socket = join(hands.dir, 'mysqld.sock');
    const params = {
      binary: found('mariadbd'),
      client_binary: found('mariadb'),
      config,
      datadir,
      user: 'root',
      group: 'root',
      log: join(hands.dir, 'mysqld.log'),
      pid: join(hands.dir, 'mysqld.pid'),
      socket,
    };
    const ask = (): boolean => {
      const { stdout } = spawnSync(
        'mariadb',
        ['--no-defaults', `--socket=${socket}`, '-Nse', 'select 6 * 7'],
        {
          encoding: 'utf8',
        },
      );
      return stdout.trim() === '42';
    };
    await lives(context, 'mysql', hands, params, ask);
  },
);
