import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PAGE_HEADER } from '../../src/api/guard.ts';
import { type ApiFixture, PASSWORD, startFixture } from './fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture.close());

const page = { [PAGE_HEADER]: '1' };

test('logging in gives a cookie that scripts and other sites cannot use', async () => {
  const body = { user: 'viewer', password: PASSWORD };
  const { status, headers, json } = await fixture.call('POST', '/api/v1/session', { body });
  assert.equal(status, 200);
  assert.deepEqual(json, { user: 'viewer', role: 'viewer', cluster: 'prod', node: 'n1' });
  const cookie = String(headers['set-cookie']);
  for (const word of ['__Host-eterne=', 'HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/'])
    assert.ok(cookie.includes(word), word);
});

test('a tampered, foreign or cut cookie is nobody', async () => {
  const cookie = await fixture.logIn('viewer');
  const [body = '', signature = ''] = cookie.slice('__Host-eterne='.length).split('.');
  const admin = Buffer.from(Buffer.from(body, 'base64url').toString().replace('viewer', 'admin')).toString(
    'base64url',
  );
  for (const forged of [`${admin}.${signature}`, body, `${body}.`, `${body}.${signature}.x`, '', '.', 'é.é'])
    assert.equal(
      (
        await fixture.call('GET', '/api/v1/session', {
          cookie: `__Host-eterne=${encodeURIComponent(forged)}`,
        })
      ).status,
      401,
      forged,
    );
});

test('a new password ends the sessions of the account, its removal too', async () => {
  const token = fixture.rootToken;
  const put = (body: unknown) => fixture.call('PUT', '/api/v1/accounts/eve', { token, body });
  assert.equal((await put({ role: 'operator', password: PASSWORD })).status, 202);
  const first = await fixture.logIn('eve');
  assert.equal((await fixture.call('GET', '/api/v1/session', { cookie: first })).status, 200);
  await put({ role: 'viewer' });
  assert.equal((await fixture.call('GET', '/api/v1/session', { cookie: first })).json?.['role'], 'viewer');
  await put({ role: 'viewer', password: `${PASSWORD}2` });
  assert.equal((await fixture.call('GET', '/api/v1/session', { cookie: first })).status, 401);
  await put({ role: 'viewer', password: PASSWORD });
  const second = await fixture.logIn('eve');
  await fixture.call('DELETE', '/api/v1/accounts/eve', { token });
  assert.equal((await fixture.call('GET', '/api/v1/session', { cookie: second })).status, 401);
});

test('the last administrator stays', async () => {
  const token = fixture.rootToken;
  assert.equal((await fixture.call('DELETE', '/api/v1/accounts/admin', { token })).status, 409);
  const demoted = await fixture.call('PUT', '/api/v1/accounts/admin', { token, body: { role: 'viewer' } });
  assert.equal(demoted.status, 409);
});

test('API tokens work until they are revoked', async () => {
  const made = await fixture.call('POST', '/api/v1/accounts/operator/tokens', { token: fixture.rootToken });
  const token = String(made.json?.['token']);
  const who = await fixture.call('GET', '/api/v1/session', { token });
  assert.equal(who.json?.['user'], 'operator');
  assert.equal((await fixture.call('POST', '/api/v1/groups/db/stop', { token })).status, 202);
  await fixture.call('DELETE', '/api/v1/accounts/operator/tokens', { token: fixture.rootToken });
  assert.equal((await fixture.call('GET', '/api/v1/session', { token })).status, 401);
});

test('logging out clears the cookie', async () => {
  const cookie = await fixture.logIn('viewer');
  const { status, headers } = await fixture.call('DELETE', '/api/v1/session', { cookie, headers: page });
  assert.equal(status, 202);
  assert.match(String(headers['set-cookie']), /__Host-eterne=;.*Expires=Thu, 01 Jan 1970/);
});

// Last: afterwards this address has to wait.
test('guessing is slowed down, for known and unknown users alike', async () => {
  const guess = (user: string) =>
    fixture.call('POST', '/api/v1/session', { body: { user, password: 'wrong wrong wrong' } });
  for (const user of ['admin', 'nobody', 'admin', 'constructor', '__proto__'])
    assert.equal((await guess(user)).status, 401, user);
  // On a slow machine the first pause is over before the next guess arrives; each further one is twice as long.
  let answer = await guess('admin');
  for (let tries = 0; tries < 6 && answer.status === 401; tries += 1) answer = await guess('admin');
  assert.equal(answer.status, 429);
  const rightful = await fixture.call('POST', '/api/v1/session', {
    body: { user: 'admin', password: PASSWORD },
  });
  assert.equal(rightful.status, 429);
  assert.match(String(answer.json?.['hint']), /try again in \d+ s/);
});
