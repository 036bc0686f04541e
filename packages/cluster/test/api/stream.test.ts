import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { streamHttps } from '@eterne/runtime/node/https-client.ts';
import { type ApiFixture, startFixture } from './fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture.close());

function open(headers: Record<string, string>, after = 0) {
  return streamHttps({
    url: `${fixture.url}/api/v1/stream?after=${after}`,
    method: 'GET',
    headers,
    authorityPem: fixture.authority.certPem,
    timeoutMs: 5_000,
  });
}

test('a subscriber sees the status and then what happens', async () => {
  const stream = await open({ authorization: `Bearer ${fixture.rootToken}` });
  assert.equal(stream.status, 200);
  let seen = '';
  let told = false;
  for await (const chunk of stream.chunks) {
    seen += chunk;
    if (!told && seen.includes('event: status')) {
      told = true;
      fixture.facade.addEvent({ atMs: 1, level: 'info', code: 'test', message: 'it happened' });
    }
    if (seen.includes('it happened')) break;
  }
  stream.close();
  assert.match(seen, /id: 1\nevent: event\ndata: /);
});

test('a stream ends when its account is removed', async () => {
  await fixture.call('PUT', '/api/v1/accounts/gone', {
    token: fixture.rootToken,
    body: { role: 'viewer', password: 'correct horse battery' },
  });
  const cookie = await fixture.logIn('gone');
  const stream = await open({ cookie });
  assert.equal(stream.status, 200);
  await fixture.call('DELETE', '/api/v1/accounts/gone', { token: fixture.rootToken });
  for await (const _chunk of stream.chunks);
});

test('nobody without credentials gets one', async () => {
  const stream = await open({});
  stream.close();
  assert.equal(stream.status, 401);
});
