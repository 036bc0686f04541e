import assert from 'node:assert/strict';
import { randomUUID, X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createRequest } from '../../src/pki/request.ts';
import { type ApiFixture, startFixture } from './fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture.close());

async function orderOf(token: string, change: Record<string, unknown> = {}) {
  const { requestPem } = await createRequest('n3');
  return {
    token,
    node: 'n3',
    role: 'node',
    addresses: ['10.0.1.9', '10.0.2.9:7800'],
    api: '10.0.1.9:8443',
    voterId: randomUUID(),
    level: 1,
    certificateRequest: requestPem,
    ...change,
  };
}

async function newToken(): Promise<string> {
  const { json } = await fixture.call('POST', '/api/v1/tokens', { token: fixture.rootToken });
  return String(json?.['token']);
}

test('a token admits one node, once: certificate, keys and members', async () => {
  const token = await newToken();
  const { status, json } = await fixture.call('POST', '/api/v1/join', { body: await orderOf(token) });
  assert.equal(status, 200);
  const certificate = new X509Certificate(String(json?.['certPem']));
  assert.ok(certificate.verify(new X509Certificate(fixture.authority.certPem).publicKey));
  assert.ok(certificate.checkIP('10.0.2.9'));
  assert.equal(json?.['clusterKey'], fixture.identity.clusterKey.toString('base64'));
  assert.equal(json['caKeyPem'], fixture.authority.keyPem);
  assert.deepEqual(fixture.facade.state().members['n3']?.addresses, ['10.0.1.9:7700', '10.0.2.9:7800']);
  assert.equal((json['members'] as unknown[]).length, 3);

  const again = await orderOf(token, { node: 'n4', addresses: ['10.0.1.10'] });
  assert.equal((await fixture.call('POST', '/api/v1/join', { body: again })).status, 401);
  assert.equal(fixture.facade.state().members['n4'], undefined);
});

test('a witness does not get the authority’s key', async () => {
  const body = await orderOf(await newToken(), { node: 'w2', role: 'witness', addresses: ['10.0.1.20'] });
  const { json } = await fixture.call('POST', '/api/v1/join', { body });
  assert.equal(json?.['caKeyPem'], null);
});

test('a refused request does not spend the token', async () => {
  const token = await newToken();
  const refusals: readonly [Record<string, unknown>, number, string][] = [
    [{ node: 'n1' }, 409, 'exists'],
    [{ addresses: ['10.0.1.2'], node: 'n5' }, 409, 'exists'],
    [{ certificateRequest: 'x', node: 'n5', addresses: ['10.0.1.30'] }, 400, 'protocol'],
    [{ addresses: ['10.0.1.30:99999'], node: 'n5' }, 400, 'config'],
    [{ node: '../n5' }, 400, 'usage'],
    [{ node: 'n5', addresses: ['10.0.1.30'], level: undefined }, 400, 'usage'],
    [{ token: `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, node: 'n5' }, 401, 'unauthorized'],
  ];
  for (const [change, status, code] of refusals) {
    const answer = await fixture.call('POST', '/api/v1/join', { body: await orderOf(token, change) });
    assert.deepEqual([answer.status, answer.json?.['code']], [status, code], JSON.stringify(change));
  }
  const body = await orderOf(token, { node: 'n5', addresses: ['10.0.1.30'] });
  assert.equal((await fixture.call('POST', '/api/v1/join', { body })).status, 200);
});

test('nobody joins under the name, or at an address, of a member that is lost: it is removed first, with a word where it may have gone on alone', async () => {
  const token = await newToken();
  const { facade } = fixture;
  const before = facade.state();
  const half = { half: 'h', node: 'n1', peer: 'n2', sinceMs: 0, parted: null };
  const n2 = { ...(before.members['n2'] ?? assert.fail()), presence: 'lost' as const };
  for (const [alone, command] of [
    [null, 'if n2 is gone for good: eterne node remove n2'],
    [half, 'eterne node remove n2 --confirm-stopped'],
  ] as const) {
    facade.setState((state) => ({ ...state, alone, members: { ...state.members, n2 } }));
    for (const change of [{ node: 'n2' }, { node: 'n7', addresses: [n2.addresses[0]] }]) {
      const { status, json } = await fixture.call('POST', '/api/v1/join', {
        body: await orderOf(token, change),
      });
      assert.deepEqual([status, json?.['code']], [409, 'exists']);
      assert.ok(String(json?.['hint']).endsWith(command), String(json?.['hint']));
    }
  }
  facade.setState(() => before);
});

test('who runs an older program than the cluster needs is refused, and keeps its token; a newer one may say more', async () => {
  const token = await newToken();
  const { facade } = fixture;
  facade.setState((state) => ({ ...state, level: 3 }));
  const order = await orderOf(token, { node: 'n6', addresses: ['10.0.1.31'], level: 2 });
  const { status, json } = await fixture.call('POST', '/api/v1/join', { body: order });
  assert.deepEqual([status, json?.['code']], [409, 'needs-upgrade']);
  assert.match(String(json?.['hint']), /install the program of the other nodes on n6/);
  const body = { ...order, level: 4, shoeSize: 43 };
  assert.equal((await fixture.call('POST', '/api/v1/join', { body })).status, 200);
  assert.equal(facade.state().members['n6']?.level, 4);
  facade.setState((state) => ({ ...state, level: 1 }));
});

test('who has no room in the edition is refused with the way out, and keeps its token', async () => {
  const token = await newToken();
  const { facade } = fixture;
  facade.setState((state) => ({ ...state, config: { ...state.config, edition: 'ha' } }));
  const body = await orderOf(token, { node: 'n8', addresses: ['10.0.1.38'] });
  const { status, json } = await fixture.call('POST', '/api/v1/join', { body });
  assert.deepEqual(
    [status, json?.['code'], json?.['message']],
    [409, 'refused', 'edition ha allows 2 nodes'],
  );
  assert.match(String(json?.['hint']), /eterne cluster upgrade/);
  facade.setState((state) => ({ ...state, config: { ...state.config, edition: 'cluster' } }));
  assert.equal((await fixture.call('POST', '/api/v1/join', { body })).status, 200);
});

test('an API token does not admit, and a join token does not open the API', async () => {
  const token = await newToken();
  assert.equal((await fixture.call('GET', '/api/v1/status', { token })).status, 401);
  const { status } = await fixture.call('POST', '/api/v1/join', { body: await orderOf(fixture.rootToken) });
  assert.equal(status, 401);
});
