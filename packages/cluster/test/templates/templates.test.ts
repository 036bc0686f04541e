import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { freePort } from '@eterne/runtime/node/ports.ts';
import type { Hands } from '../../src/monitor/agents/agent.ts';
import { bindAgent } from '../../src/monitor/agents/registry.ts';
import { parseDocument } from '../../src/service/config/document.ts';
import type { ResourceDefinition } from '../../src/state/model.ts';
import { fillTemplate, type Answers } from '../../src/templates/fill.ts';
import { questionsOf, templateNamed, templateNames } from '../../src/templates/template.ts';
import { Subject, well } from '../monitor/agents/subject.ts';
import { makeHands } from '../monitor/hands.ts';

/** An answer to whatever has no default. */
const NEEDED: Answers = {
  nodes: 'n1,n2',
  sid: 'ORCL',
  home: '/u01/oracle',
  server: 'SYB',
  javaHome: '/usr/lib/jvm/default',
  clients: '10.20.0.0/24',
  domain: 'vm1',
  definition: '/etc/eterne/vm1.xml',
};

function needed(name: string): Answers {
  const open = questionsOf(name).filter((question) => question.default === undefined);
  return Object.fromEntries(
    open.map(({ key }) => [key, NEEDED[key] ?? assert.fail(`${name} asks for ${key}`)]),
  );
}

test('the applications that are protected', () => {
  assert.equal(
    templateNames().join(' '),
    'apache db2 libvirt mariadb nfs nginx oracle postgresql redis samba sqlserver sybase tomcat',
  );
});

for (const name of templateNames()) {
  test(`${name}: every answer makes a document that the cluster takes, in whatever combination`, () => {
    const asks = questionsOf(name).some(({ key }) => key === 'initialise');
    const bare = parseDocument(
      fillTemplate(name, { ...needed(name), ...(asks ? { initialise: 'no' } : {}) }),
    );
    assert.equal(bare.groups[0]?.name, name);
    assert.deepEqual(bare.groups[0]?.nodes, ['n1', 'n2']);
    const whole = { ...needed(name), address: '10.20.0.100/24', interfaces: 'eth0,eth1', volume: 'data' };
    const { groups, volumes } = parseDocument(
      fillTemplate(name, { ...whole, volumeSize: '10GiB', volumeDevice: '/dev/vg/data' }),
    );
    assert.deepEqual(volumes[0]?.replicas, [
      { node: 'n1', device: '/dev/vg/data' },
      { node: 'n2', device: '/dev/vg/data' },
    ]);
    const names = groups[0]?.resources.map((resource) => resource.name) ?? [];
    const first = templateNamed(name).directory === null ? ['vol', 'ip'] : ['vol', 'fs', 'ip'];
    assert.deepEqual(names.slice(0, first.length), first);
    assert.doesNotMatch(JSON.stringify(groups), /\{\{/);
  });

  test(`${name}: every question is in both languages`, () => {
    const { title, about } = templateNamed(name);
    for (const { en, zh } of [title, about, ...questionsOf(name).map(({ help }) => help)])
      assert(en !== '' && zh !== '');
  });
}

test('answers that nobody asked for, or that are something else, are refused', () => {
  const wrong: [Answers, RegExp][] = [
    [{}, /nodes is missing/],
    [{ nodes: 'n1', colour: 'red' }, /does not ask for colour/],
    [{ nodes: 'n1', port: 'high' }, /port: not what is asked for/],
    [{ nodes: 'n1', fstype: 'ntfs' }, /fstype/],
    [{ nodes: 'n1', user: 'x; rm -rf /' }, /user/],
    [{ nodes: 'n1', directory: '/srv/$(reboot)' }, /directory/],
    [{ nodes: 'n1', volumeSize: '1GiB' }, /a new volume needs/],
    [{ nodes: 'n1', volume: 'a', sharedDisk: '/dev/sdb' }, /either a volume or a shared disk/],
    [{ nodes: 'n1,n2' }, /a database of its own on each node/],
  ];
  for (const [answers, message] of wrong) assert.throws(() => fillTemplate('postgresql', answers), message);
  assert.throws(() => fillTemplate('nope', {}), /no template nope/);
});

const isRoot = process.getuid?.() === 0;
const where = (program: string): string =>
  spawnSync(
    'sh',
    [
      '-c',
      `ls -d /usr/lib/postgresql/*/bin/${program} 2>/dev/null | tail -1 | grep . || command -v ${program}`,
    ],
    {
      encoding: 'utf8',
    },
  ).stdout.trim();
const lacks = (...programs: readonly string[]): string | false =>
  !(
    isRoot &&
    programs.every((program) => where(program) !== '') &&
    existsSync('/usr/lib/ocf/resource.d/heartbeat')
  ) && `needs root, resource-agents and ${programs.join(', ')}`;

/** The group's resources, started in order on a folder in the place of a file system, asked, checked, stopped in reverse. */
async function proves(
  context: TestContext,
  name: string,
  make: (hands: Hands) => Answers | Promise<Answers>,
  ask: (answers: Answers) => string,
  expected: string,
): Promise<void> {
  const hands = await makeHands(context);
  chmodSync(hands.dir, 0o755);
  const answers = { nodes: 'n1', ...(await make(hands)) };
  const [group] = parseDocument(fillTemplate(name, answers)).groups;
  const subjects = (group?.resources ?? []).map((resource) => subjectOf(hands, resource));
  context.after(() => Promise.all(subjects.map((subject) => subject.abandon())));
  for (const subject of subjects) await well(subject.start());
  for (const subject of subjects) assert.deepEqual(await subject.check(), { state: 'running', reason: '' });
  assert.equal(ask(answers), expected);
  for (const subject of subjects.toReversed()) await well(subject.stop());
  assert.notEqual(ask(answers), expected);
}

function subjectOf(hands: Hands, { type, params }: ResourceDefinition): Subject<never> {
  const { agent } = bindAgent(type, params);
  return new Subject<never>(hands, agent, { ...params });
}

function emptyFile(path: string): string {
  writeFileSync(path, '');
  return path;
}

const say = (program: string, ...args: readonly string[]): string =>
  spawnSync(program, args, { encoding: 'utf8', cwd: '/' }).stdout.trim();

test('postgresql runs what it makes', { skip: lacks('initdb', 'pg_ctl') }, async (context) => {
  await proves(
    context,
    'postgresql',
    async ({ dir }) => ({
      sockets: '/tmp',
      listen: '127.0.0.1',
      directory: dir,
      port: String(await freePort()),
      bin: dirname(where('initdb')),
    }),
    ({ port = '', bin = '' }) =>
      say(
        'runuser',
        '-u',
        'postgres',
        '--',
        join(bin, 'psql'),
        '-h',
        '/tmp',
        '-p',
        port,
        '-Atc',
        'select 6 * 7',
      ),
    '42',
  );
});

test(
  'mariadb runs what it makes',
  { skip: lacks('mariadbd', 'mariadb', 'mariadb-install-db') },
  async (context) => {
    await proves(
      context,
      'mariadb',
      async ({ dir }) => ({
        directory: dir,
        port: String(await freePort()),
        user: 'daemon',
        config: emptyFile(join(dir, 'my.cnf')),
        server: where('mariadbd'),
        client: where('mariadb'),
      }),
      ({ directory = '' }) =>
        say(
          'runuser',
          '-u',
          'daemon',
          '--',
          'mariadb',
          '--no-defaults',
          '-u',
          'daemon',
          `--socket=${directory}/data/server.sock`,
          '-Nse',
          'select 6 * 7',
        ),
      '42',
    );
  },
);

test('nginx runs what it makes', { skip: lacks('nginx', 'curl') }, async (context) => {
  let port = 0;
  await proves(
    context,
    'nginx',
    async ({ dir }) => {
      port = await freePort();
      const config = join(dir, 'nginx.conf');
      const site = `server { listen 127.0.0.1:${port}; location / { return 200 well; } }`;
      writeFileSync(
        config,
        `pid ${dir}/nginx.pid;\nerror_log ${dir}/error.log;\nevents {}\nhttp { access_log off; ${site} }\n`,
      );
      return { directory: dir, config, server: where('nginx') };
    },
    () => say('curl', '-s', `http://127.0.0.1:${port}/`),
    'well',
  );
});

test('apache runs what it makes', { skip: lacks('apache2', 'curl') }, async (context) => {
  let port = 0;
  await proves(
    context,
    'apache',
    async ({ dir }) => {
      port = await freePort();
      const load = (name: string): string =>
        `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`;
      const lines = [
        ...['mpm_event', 'authz_core', 'status', 'dir'].map(load),
        `ServerRoot ${dir}`,
        'ServerName localhost',
        `PidFile ${dir}/httpd.pid`,
        `ErrorLog ${dir}/error.log`,
        `Listen 127.0.0.1:${port}`,
        `DocumentRoot ${dir}/www`,
        '<Location /server-status>',
        '  SetHandler server-status',
        '</Location>',
      ];
      mkdirSync(join(dir, 'www'));
      writeFileSync(join(dir, 'www', 'index.html'), 'well');
      const config = join(dir, 'httpd.conf');
      writeFileSync(config, `${lines.join('\n')}\n`);
      const statusUrl = `http://127.0.0.1:${port}/server-status`;
      return {
        directory: dir,
        config,
        envvars: emptyFile(join(dir, 'envvars')),
        server: where('apache2'),
        statusUrl,
      };
    },
    () => say('curl', '-s', `http://127.0.0.1:${port}/`),
    'well',
  );
});

test('redis runs what it makes', { skip: lacks('redis-server', 'redis-cli') }, async (context) => {
  await proves(
    context,
    'redis',
    async ({ dir }) => {
      mkdirSync(join(dir, 'redis'));
      return {
        directory: join(dir, 'redis'),
        port: String(await freePort()),
        user: 'nobody',
        server: where('redis-server'),
      };
    },
    ({ port = '' }) => say('redis-cli', '-p', port, 'set', 'key', 'value'),
    'OK',
  );
});
