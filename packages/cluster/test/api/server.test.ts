import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { PAGE_HEADER } from '../../src/api/guard.ts';
import { type ApiFixture, startFixture } from './fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture.close());

test('status is what the facade says, for anyone who may look', async () => {
  const { status, json } = await fixture.call('GET', '/api/v1/status', { token: fixture.rootToken });
  assert.equal(status, 200);
  assert.deepEqual(json, JSON.parse(JSON.stringify(fixture.facade.status())));
});

test('without credentials every route but log-in, join and the description is closed', async () => {
  const { json } = await fixture.call('GET', '/api/v1/openapi.json');
  const paths = Object.entries((json?.['paths'] ?? {}) as Record<string, Record<string, unknown>>);
  assert.ok(paths.length >= 20, `only ${paths.length} paths are described`);
  const open = new Set(['POST /api/v1/session', 'POST /api/v1/join', 'GET /api/v1/openapi.json']);
  for (const [path, methods] of paths)
    for (const method of Object.keys(methods).map((one) => one.toUpperCase())) {
      if (open.has(`${method} ${path}`)) continue;
      const answer = await fixture.call(method, path.replace('{name}', 'db').replace('{node}', 'n1'));
      assert.equal(answer.status, 401, `${method} ${path}`);
      assert.equal(answer.json?.['code'], 'unauthorized');
    }
});

test('roles: a viewer looks, an operator acts, an administrator changes', async () => {
  const cases = [
    ['viewer', 'GET', '/api/v1/status', 200],
    ['viewer', 'POST', '/api/v1/groups/db/stop', 403],
    ['operator', 'POST', '/api/v1/groups/db/stop', 202],
    ['operator', 'DELETE', '/api/v1/groups/db', 403],
    ['operator', 'POST', '/api/v1/tokens', 403],
    ['admin', 'DELETE', '/api/v1/groups/db', 202],
    ['admin', 'GET', '/api/v1/accounts', 200],
  ] as const;
  for (const [user, method, path, expected] of cases) {
    const cookie = await fixture.logIn(user);
    const answer = await fixture.call(method, path, { cookie, headers: { [PAGE_HEADER]: '1' } });
    assert.equal(answer.status, expected, `${user} ${method} ${path}: ${answer.body}`);
  }
});

test('a cookie alone cannot write: another site could have sent it', async () => {
  const cookie = await fixture.logIn('admin');
  const forged = await fixture.call('POST', '/api/v1/groups/db/start', { cookie });
  assert.equal(forged.status, 403);
  const genuine = await fixture.call('POST', '/api/v1/groups/db/start', {
    cookie,
    headers: { [PAGE_HEADER]: '1' },
  });
  assert.equal(genuine.status, 202);
});

test('orders reach the facade with who asked and from where', async () => {
  fixture.facade.orders.length = 0;
  const token = fixture.rootToken;
  await fixture.call('POST', '/api/v1/groups/db/move', { token, body: { to: 'n2' } });
  await fixture.call('POST', '/api/v1/groups/db/move', { token });
  await fixture.call('POST', '/api/v1/nodes/n2/standby', { token });
  await fixture.call('DELETE', '/api/v1/nodes/n2', { token });
  await fixture.call('DELETE', '/api/v1/nodes/n2?confirmStopped=true', { token });
  await fixture.call('POST', '/api/v1/config/apply', { token, body: { volumes: [] } });
  assert.deepEqual(fixture.facade.orders, [
    'groupMove("db", "n2", "root@127.0.0.1")',
    'groupMove("db", null, "root@127.0.0.1")',
    'nodeStandby("n2", "root@127.0.0.1")',
    'nodeRemove("n2", false, "root@127.0.0.1")',
    'nodeRemove("n2", true, "root@127.0.0.1")',
    'configApply({"volumes":[]}, "root@127.0.0.1")',
  ]);
});

test('errors have a code, a sentence, and the status that fits', async () => {
  const token = fixture.rootToken;
  const cases = [
    ['POST', '/api/v1/groups/missing/start', undefined, 404, 'not-found'],
    ['POST', '/api/v1/config/plan', { nonsense: 1 }, 400, 'config'],
    ['POST', '/api/v1/groups/db/move', { too: 'n2' }, 400, 'usage'],
    ['POST', '/api/v1/groups/..%2f/start', undefined, 400, 'usage'],
    ['POST', '/api/v1/groups/constructor/start', undefined, 400, 'usage'],
    ['POST', '/api/v1/nodes/toString/standby', undefined, 400, 'usage'],
    ['DELETE', '/api/v1/nodes/__proto__', undefined, 400, 'usage'],
    ['DELETE', '/api/v1/nodes/n2?confirmStopped=yes', undefined, 400, 'usage'],
    ['GET', '/api/v1/events?after=-1', undefined, 400, 'usage'],
    ['GET', '/api/v1/nothing', undefined, 404, 'not-found'],
    ['POST', '/api/v1/config/plan', { x: 'y'.repeat(1_100_000) }, 400, 'usage'],
  ] as const;
  for (const [method, path, body, status, code] of cases) {
    const answer = await fixture.call(method, path, { token, body });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.body}`);
    assert.equal(answer.json?.['code'], code);
    assert.equal(typeof answer.json?.['message'], 'string');
    assert.ok('hint' in (answer.json ?? {}));
  }
});

test('who opens the console’s address where it is not built is told what to do', async () => {
  for (const path of ['/', '/groups']) {
    const { status, json } = await fixture.call('GET', path);
    assert.equal(status, 404);
    assert.match(String(json?.['message']), /the console is not built on this node/);
    assert.match(String(json?.['hint']), /npm run build/);
  }
});

test('what the schema does not name does not leave the node', async () => {
  fixture.facade.setStatus((status) => ({ ...status, clusterKey: 'SECRET' }));
  const { body } = await fixture.call('GET', '/api/v1/status', { token: fixture.rootToken });
  assert.ok(!body.includes('SECRET'));
  const accounts = await fixture.call('GET', '/api/v1/accounts', { token: fixture.rootToken });
  assert.ok(!accounts.body.includes('scrypt'));
});

test('every answer forbids framing, sniffing and foreign content', async () => {
  const { headers } = await fixture.call('GET', '/api/v1/status');
  assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['cache-control'], 'no-store');
});

test('plain HTTP is sent to HTTPS and never served', async () => {
  const location = await new Promise((resolve, reject) => {
    httpRequest(`${fixture.url.replace('https', 'http')}/status?x=1`, (response) => {
      response.resume();
      resolve([response.statusCode, response.headers.location]);
    })
      .on('error', reject)
      .end();
  });
  assert.deepEqual(location, [308, `${fixture.url}/status?x=1`]);
});

test('garbage on the port is dropped and others are served on', async () => {
  const port = Number(new URL(fixture.url).port);
  for (const garbage of [
    Buffer.from([0x16, 0, 1, 2, 3]),
    Buffer.alloc(70_000, 0xff),
    Buffer.from('GET\0\r\n\r\n'),
  ]) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(garbage));
      socket.on('error', () => {}).on('close', () => resolve());
      socket.resume();
    });
  }
  const { status } = await fixture.call('GET', '/api/v1/status', { token: fixture.rootToken });
  assert.equal(status, 200);
});
