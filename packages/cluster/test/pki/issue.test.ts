import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { createAuthority } from '../../src/pki/authority.ts';
import { issueApart } from '../../src/pki/issue.ts';
import { createRequest } from '../../src/pki/request.ts';

const world = createNodeWorld('test');

test('a process of its own issues what the authority signs, and says why it does not', async () => {
  const nowMs = world.clock.wallMs();
  const authority = await createAuthority('prod', { random: world.random, nowMs });
  const { requestPem } = await createRequest('n2');
  const subject = { cluster: 'prod', node: 'n2', hosts: ['10.0.0.2'] };
  const order = { authority, subject, requestPem, nowMs };
  const certificate = new X509Certificate(await issueApart(world, order));
  assert.ok(certificate.verify(new X509Certificate(authority.certPem).publicKey));
  assert.match(certificate.subjectAltName ?? '', /DNS:n2,.* IP Address:10\.0\.0\.2$/);
  await assert.rejects(issueApart(world, { ...order, requestPem: 'nothing' }), {
    code: 'protocol',
    message: 'the certificate request is not valid',
  });
  await assert.rejects(issueApart(world, { ...order, authority: { certPem: '', keyPem: '' } }), {
    code: 'io',
  });
});
