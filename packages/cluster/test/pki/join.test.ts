import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { seedCluster } from '../../src/api/founding.ts';
import { type NodeIdentity, readIdentity } from '../../src/node/identity.ts';
import { readAdministrator, readAuthority } from '../../src/pki/files.ts';
import { foundCluster } from '../../src/pki/found.ts';
import { joinCluster } from '../../src/pki/join.ts';
import { settle } from '../../src/pki/settle.ts';
import { createFakeFacade } from '../api/fake-facade.ts';
import { type ApiFixture, startFixture } from '../api/fixture.ts';

const world = createNodeWorld('test');
let folder = '';
let fixture: ApiFixture;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'eterne-join-'));
  fixture = await startFixture();
});
after(async () => {
  await fixture.close();
  await rm(folder, { recursive: true });
});

const order = (name: string) => ({
  dir: join(folder, name),
  node: name,
  addresses: ['10.0.5.1', '10.0.6.1'],
  api: '10.0.5.1',
});

async function joinToken(): Promise<string> {
  const { json } = await fixture.call('POST', '/api/v1/tokens', { token: fixture.rootToken });
  return String(json?.['token']);
}

test('a founded cluster is a node, an authority and an administrator, all secret', async () => {
  const { dir } = order('first');
  const administrator = await foundCluster(world, 'prod', order('first'));
  const identity = await settle<NodeIdentity>((done) => readIdentity(world.files, dir, done));
  assert.equal(identity.founder, true);
  assert.equal(identity.api, '10.0.5.1:8443');
  assert.deepEqual(identity.addresses, ['10.0.5.1:7700', '10.0.6.1:7700']);
  assert.ok(await readAuthority(world.files, dir, identity.tls.caPem));
  assert.deepEqual(await readAdministrator(world.files, dir), administrator);
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
  for (const name of ['node.json', 'ca.key', 'admin.json'])
    assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600, name);
  await assert.rejects(
    foundCluster(world, 'prod', order('first')),
    (error) => error instanceof EterneError && error.code === 'exists',
  );
});

test('wrong words touch nothing', async () => {
  const wrong = [
    ['bad name!', order('second')],
    ['prod', { ...order('second'), node: '-' }],
    ['prod', { ...order('second'), addresses: [] }],
    ['prod', { ...order('second'), addresses: ['1.2.3.4', '1.2.3.4:7700'] }],
    ['prod', { ...order('second'), api: 'x:y' }],
  ] as const;
  for (const [cluster, one] of wrong)
    await assert.rejects(
      foundCluster(world, cluster, one),
      (error) => error instanceof EterneError && error.code === 'config',
    );
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name === 'second'),
    [],
  );
});

test('a node joins by address and token', async () => {
  const to = fixture.url.slice('https://'.length);
  const token = await joinToken();
  const identity = await joinCluster(world, { ...order('n7'), role: 'node', token, to });
  assert.deepEqual(
    await settle<NodeIdentity>((done) => readIdentity(world.files, order('n7').dir, done)),
    identity,
  );
  assert.deepEqual(identity.clusterKey, fixture.identity.clusterKey);
  assert.deepEqual(
    identity.seeds.map(({ node }) => node),
    ['n1', 'n2', 'w', 'n7'],
  );
  const authority = await readAuthority(world.files, order('n7').dir, identity.tls.caPem);
  assert.equal(authority?.keyPem.trim(), fixture.authority.keyPem.trim());
});

test('a token of another cluster sends nothing to this one', async () => {
  const other = await startFixture();
  const { json } = await other.call('POST', '/api/v1/tokens', { token: other.rootToken });
  const tokens = fixture.facade.state().tokens;
  const to = fixture.url.slice('https://'.length);
  await assert.rejects(
    joinCluster(world, { ...order('n8'), role: 'node', token: String(json?.['token']), to }),
    (error) =>
      error instanceof EterneError && error.code === 'unauthorized' && /does not belong/.test(error.message),
  );
  assert.deepEqual(fixture.facade.state().tokens, tokens);
  await other.close();
});

test('the administrator is committed once the cluster can, and only into an empty list', async () => {
  const facade = createFakeFacade();
  facade.setStatus((status) => ({ ...status, quorate: false }));
  const stop = seedCluster(world, facade, order('first').dir);
  assert.deepEqual(facade.orders, []);
  facade.setStatus((status) => ({ ...status, quorate: true }));
  while (facade.orders.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(facade.state().accounts['admin']?.role, 'admin');
  seedCluster(world, facade, order('first').dir)();
  stop();
  assert.equal(facade.orders.length, 1);
});

test('what a cluster is to begin with is applied once, before it has an administrator', async () => {
  await foundCluster(world, 'far', order('far'), 'wan');
  const facade = createFakeFacade();
  facade.setState((state) => ({ ...state, revision: 0 }));
  const stop = seedCluster(world, facade, order('far').dir);
  for (let turn = 0; facade.orders.length < 2 && turn < 500; turn += 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
  stop();
  assert.equal(facade.orders[0], 'configApply({"cluster":{"profile":"wan"}}, "cluster init")');
  assert.match(facade.orders[1] ?? '', /^accountPut/);
});
