/** What people protect, by the agents they already have: a file system and PostgreSQL. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { ocfAgent } from '../../../src/monitor/agents/ocf/agent.ts';
import { makeHands } from '../hands.ts';
import { Subject, well } from './subject.ts';

const AGENTS = '/usr/lib/ocf/resource.d/heartbeat';
const POSTGRES = '/usr/lib/postgresql';
const isRoot = process.getuid?.() === 0;
const hasLoop =
  isRoot &&
  spawnSync('losetup', ['--find']).status === 0 &&
  spawnSync('sh', ['-c', 'command -v modprobe']).status === 0;
const binaries = (): string => {
  const [version] = existsSync(POSTGRES) ? readdirSync(POSTGRES).toSorted().toReversed() : [];
  return version === undefined ? '' : join(POSTGRES, version, 'bin');
};
const heartbeat = (name: string) => ocfAgent({ provider: 'heartbeat', name });

const noFilesystem =
  !(hasLoop && existsSync(join(AGENTS, 'Filesystem'))) &&
  'needs root, loop devices, modprobe and resource-agents';

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

const noPostgres =
  !(isRoot && binaries() !== '' && existsSync(join(AGENTS, 'pgsql'))) &&
  'needs root, PostgreSQL and resource-agents';

test(
  'ocf:heartbeat:pgsql runs a real server, and none of it survives a lapsed lease',
  { skip: noPostgres },
  async (context) => {
    const hands = await makeHands(context);
    chmodSync(hands.dir, 0o755);
    const home = join(hands.dir, 'pg');
    mkdirSync(home);
    execFileSync('chown', ['postgres:postgres', home]);
    const as = (...words: string[]): string =>
      execFileSync('setpriv', ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups', ...words], {
        encoding: 'utf8',
        cwd: home,
      });
    as(join(binaries(), 'initdb'), '-D', join(home, 'data'), '-A', 'trust', '--no-sync');
    const port = await freePort();
    const params = {
      pgctl: join(binaries(), 'pg_ctl'),
      psql: join(binaries(), 'psql'),
      pgdata: join(home, 'data'),
      logfile: join(home, 'log'),
      pgport: port,
      pghost: '127.0.0.1',
      start_opt: `-p ${port} -k ${home}`,
    };
    const subject = new Subject(hands, heartbeat('pgsql'), { params });
    context.after(() => subject.abandon());
    await well(subject.start());
    assert.equal((await subject.check()).state, 'running');
    const query = (sql: string): string =>
      as(join(binaries(), 'psql'), '-h', '127.0.0.1', '-p', String(port), '-Atc', sql);
    assert.equal(query('select 6 * 7').trim(), '42');
    assert.equal(await subject.abandon(), '');
    assert.throws(() => query('select 1'));
    assert.equal((await subject.check()).state, 'failed');
    await well(subject.start());
    await well(subject.stop());
    assert.equal((await subject.check()).state, 'failed');
  },
);
