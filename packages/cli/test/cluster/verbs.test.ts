import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ApiFixture, startFixture } from '../../../cluster/test/api/fixture.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let folder = '';
let fixture: ApiFixture;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'eterne-cli-'));
  fixture = await startFixture();
});
after(async () => {
  await fixture.close();
  await rm(folder, { recursive: true });
});

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function eterne(words: readonly string[], env: Record<string, string> = {}, uid?: number): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...words], {
      cwd: folder,
      ...(uid === undefined ? {} : { uid }),
      env: { PATH: process.env['PATH'], ETERNE_API: fixture.url, ETERNE_TOKEN: fixture.rootToken, ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

test('status for people and for programs', async () => {
  const [text, json] = await Promise.all([eterne(['status']), eterne(['status', '--json'])]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^cluster prod: quorate, leader n1, feature level 1, reported by n1$/m);
  assert.match(text.stdout, /^data +1 GiB +sync +n1 +n1 UpToDate, n2 Inconsistent \(300 MiB to sync\) +n1$/m);
  const unbelieved =
    'not believed by n1 since its processes were started: heartbeats 3 forged, 1 replayed; log 12 parted';
  assert.ok(text.stdout.includes(unbelieved), text.stdout);
  assert.deepEqual(JSON.parse(json.stdout), JSON.parse(JSON.stringify(fixture.facade.status())));
});

test('options may stand before the verb, and replace the environment', async () => {
  const env = { ETERNE_API: '', ETERNE_TOKEN: '' };
  const words = ['--api', fixture.url, '--token', fixture.rootToken, 'node', 'list'];
  const { code, stdout, stderr } = await eterne(words, env);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^w +witness +online +1 +1\/2 up/m);
});

test('of several addresses the first that answers is asked', async () => {
  const { code, stdout, stderr } = await eterne([
    '--api',
    `https://127.0.0.1:1,${fixture.url}`,
    'node',
    'list',
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^w +witness/m);
});

test('orders reach the cluster', async () => {
  await writeFile(join(folder, 'conf.yaml'), 'volumes:\n  - { name: data, size: 1GiB }\n');
  fixture.facade.orders.length = 0;
  for (const words of [
    ['group', 'move', 'db', '--to', 'n2'],
    ['node', 'standby', 'n2'],
    ['node', 'remove', 'n2', '--confirm-stopped'],
    ['volume', 'create', 'v', '--size', '1GiB', '--replica', 'n1=/a', '--replica', 'n2=/b'],
    ['volume', 'accept-loss', 'v', '--node', 'n2'],
    ['config', 'apply', '-f', 'conf.yaml'],
  ])
    assert.equal((await eterne(words)).code, 0, words.join(' '));
  assert.deepEqual(fixture.facade.orders, [
    'groupMove("db", "n2", "root@127.0.0.1")',
    'nodeStandby("n2", "root@127.0.0.1")',
    'nodeRemove("n2", true, "root@127.0.0.1")',
    'volumeCreate({"name":"v","mode":"sync","size":"1GiB","replicas":{"n1":"/a","n2":"/b"}}, "root@127.0.0.1")',
    'volumeAcceptLoss("v", "n2", "root@127.0.0.1")',
    'configApply({"volumes":[{"name":"data","size":"1GiB"}]}, "root@127.0.0.1")',
  ]);
});

test('orders for a replica reach it, and what gives up data is confirmed by name', async () => {
  fixture.facade.orders.length = 0;
  const own = ['--node', 'n1'];
  for (const words of [
    ['verify', 'data', '--repair', '--no-wait'],
    ['resync', 'data', '--peer', 'n2'],
    ['disconnect', 'data'],
    ['invalidate', 'data', ...own, '--confirm', 'data'],
    ['resolve', 'data', ...own, '--discard-remote', '--confirm', 'data'],
    ['rescue', 'export', 'data', ...own, '--to', '/tmp/image'],
  ])
    assert.equal((await eterne(['volume', ...words])).code, 0, words.join(' '));
  const by = '"root@127.0.0.1"';
  assert.deepEqual(fixture.facade.orders, [
    `volumeOrder("data", {"verb":"verify","fast":false,"repair":true}, ${by})`,
    `volumeOrder("data", {"verb":"resync","peer":"n2"}, ${by})`,
    `volumeOrder("data", {"verb":"disconnect","peer":"n2"}, ${by})`,
    `volumeOrder("data", {"verb":"invalidate"}, ${by})`,
    `volumeOrder("data", {"verb":"resolve","discard":"remote","peer":"n2"}, ${by})`,
    `volumeOrder("data", {"verb":"rescue-export","path":"/tmp/image"}, ${by})`,
  ]);
  const unconfirmed = await eterne(['volume', 'invalidate', 'data', ...own]);
  assert.equal(unconfirmed.code, 2);
  assert.match(unconfirmed.stderr, /confirm it by its name/);
  const refused = await fixture.call('POST', '/api/v1/volumes/data/invalidate', {
    token: fixture.rootToken,
    body: { node: 'n1', confirm: 'other' },
  });
  assert.equal(refused.status, 400);
});

test('the status of a volume shows what each node tells, also of one that does not answer', async () => {
  const { code, stdout, stderr } = await eterne(['volume', 'status', 'data']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /n2 {2}Connected SyncSource {2}.*bitmap resync \[#####-+\] 25 %/);
  assert.match(stdout, /^n2: .*(cannot be reached|answer)/m);
});

test('one line and an exit code for everything that is wrong', async () => {
  await writeFile(join(folder, 'bad.yaml'), 'a: [\n');
  await writeFile(join(folder, 'nonsense.yaml'), 'nonsense: 1\n');
  await writeFile(join(folder, 'empty.yaml'), '# nothing yet\n');
  await writeFile(join(folder, 'list.yaml'), '- name: web\n');
  await writeFile(join(folder, 'whole.yaml'), 'groups: [{ name: web }]\n');
  const nobody = { ETERNE_API: '', ETERNE_TOKEN: '' };
  const cases: readonly [string[], number, RegExp, Record<string, string>?][] = [
    [['group', 'start', 'missing'], 1, /there is no missing/],
    [['group', 'explain', 'other'], 1, /there is no group other/],
    [['group', 'move'], 2, /missing required argument/],
    [['frobnicate'], 2, /unknown command/],
    [['config', 'plan', '-f', 'absent.yaml'], 2, /absent\.yaml does not exist/],
    [['config', 'plan', '-f', 'bad.yaml'], 2, /bad\.yaml: .* at line 2, column 1\n$/],
    [['config', 'plan', '-f', 'nonsense.yaml'], 2, /nonsense: unknown key/],
    [['config', 'plan', '-f', 'empty.yaml'], 2, /empty\.yaml is empty \(.*config show/],
    [['config', 'plan', '-f', 'list.yaml'], 2, /list\.yaml is no mapping of keys/],
    [['group', 'create', '-f', 'whole.yaml'], 2, /a whole document, .*config apply -f whole\.yaml/],
    [['status', '--api', 'https://127.0.0.1:1'], 1, /cannot be reached/],
    [['status', '--api', 'https://127.0.0.1:1,https://127.0.0.1:2'], 1, /127\.0\.0\.1:2 cannot be reached/],
    [['status', '--api', ','], 2, /not the address of an API/],
    [['status', '--api', 'ftp://x'], 2, /not the address of an API/],
    [['status', '--token', 'x'], 1, /not an API token/],
    [['status', '--dir', 'nowhere'], 1, /holds no node/],
    [['status'], 2, /no cluster is given/, nobody],
    [['cluster', 'token', '--valid', 'soon'], 2, /not a duration/],
    [['cluster', 'token', '--valid', '30d'], 2, /valid for 7d at most, not 30d/],
    [['volume', 'resize', 'data', '--size', '65MB'], 2, /^eterne: size: not a size: "65MB"[^;]*$/],
    [['events', '--limit', '0'], 2, /^eterne: limit: /],
    [['group', 'template', 'apply', 'nginx', '--set', 'nodes'], 2, /group template show/],
  ];
  for (const [words, code, message, env] of cases) {
    const result = await eterne(words, env);
    assert.equal(result.code, code, `${words.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, message);
    assert.match(result.stderr, /^eterne: .*\n$/);
    assert.equal(result.stdout, '');
  }
});

test('accounts: made, given another password, a token that works, and gone', async () => {
  const file = join(folder, 'password');
  await writeFile(file, 'a password of some length\n');
  const done = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await eterne(['account', ...words]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const unknown = await eterne(['account', 'set', 'nurse', '--password-file', file]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /there is no account nurse \(a new one needs --role/);
  assert.equal(await done('set', 'nurse', '--role', 'viewer'), 'account nurse is viewer\n');
  assert.match(await done('list'), /^nurse +viewer +no +0$/m);
  await done('set', 'nurse', '--password-file', file);
  const token = (await done('token', 'nurse')).trim();
  assert.match(await done('list'), /^nurse +viewer +yes +1$/m);
  const login = { body: { user: 'nurse', password: 'a password of some length' } };
  assert.equal((await fixture.call('POST', '/api/v1/session', login)).status, 200);
  const asNurse = { ETERNE_TOKEN: token };
  assert.match((await eterne(['group', 'stop', 'db'], asNurse)).stderr, /this needs operator/);
  await done('revoke', 'nurse');
  assert.match((await eterne(['status'], asNurse)).stderr, /does not know the API token/);
  await done('remove', 'nurse');
  assert.doesNotMatch(await done('list'), /nurse/);
});

test('a command that needs another word answers with its help alone', async () => {
  for (const words of [[], ['group']]) {
    const { code, stdout, stderr } = await eterne(words);
    assert.equal(code, 2);
    assert.match(stdout + stderr, /^Usage: eterne/);
    assert.doesNotMatch(stdout + stderr, /^eterne:/m);
  }
});

test(
  'a user who may not read the node’s folder is told that',
  { skip: process.getuid?.() === 0 ? false : 'needs root, to become somebody else' },
  async () => {
    const secret = join(folder, 'secret');
    await mkdir(secret, { mode: 0o700 });
    await chmod(folder, 0o755);
    const { code, stderr } = await eterne(['status', '--dir', secret], {}, 65_534);
    assert.equal(code, 1);
    assert.match(stderr, /this user may not read .*secret, where a node is \(be root, or set ETERNE_API/);
  },
);

test('init makes a node that its owner can ask without a token; join adds another', async () => {
  const words = (node: string, port: number) => [
    '--dir',
    node,
    '--node',
    node,
    '--address',
    `127.0.5.1:${port}`,
    '--api',
    `127.0.0.1:${port + 1}`,
    '--json',
  ];
  const init = await eterne(['cluster', 'init', '--name', 'prod', ...words('n1', 7700)]);
  assert.equal(init.code, 0, init.stderr);
  const administrator = JSON.parse(init.stdout) as Record<string, string>;
  assert.equal(administrator['user'], 'admin');
  assert.match(String(administrator['token']), /^eterne-api-1\./);
  const local = await eterne(['status', '--dir', 'n1'], { ETERNE_API: '', ETERNE_TOKEN: '' });
  assert.match(
    local.stderr,
    /https:\/\/127\.0\.0\.1:7701 cannot be reached.*the node in n1 does not seem to run: start it/,
  );

  const token = await eterne(['cluster', 'token']);
  assert.match(token.stdout, /^eterne-join-1\.\S+\n$/);
  const join = ['--token', token.stdout.trim(), '--to', fixture.url.slice('https://'.length)];
  const joined = await eterne(['cluster', 'join', ...words('n5', 7710), ...join]);
  assert.deepEqual(JSON.parse(joined.stdout), { cluster: 'prod', node: 'n5', role: 'node' });
  const witness = await eterne(['witness', 'join', ...words('w5', 7720), ...join]);
  assert.equal(witness.code, 1);
  assert.match(witness.stderr, /unknown, used or expired/);
});
