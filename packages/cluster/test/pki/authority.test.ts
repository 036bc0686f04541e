import assert from 'node:assert/strict';
import { X509Certificate, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Random } from '@eterne/runtime';
import { createAuthority, issueCertificate } from '../../src/pki/authority.ts';
import { createRequest } from '../../src/pki/request.ts';

const random: Random = { bytes: randomBytes, below: (bound) => randomInt(bound), uuid: randomUUID };
const context = { random, nowMs: Date.now() };

test('a certificate is signed by the authority and names the node and its hosts, whatever the request says', async () => {
  const authority = await createAuthority('prod', context);
  const { requestPem, keyPem } = await createRequest('evil.example');
  const subject = { cluster: 'prod', node: 'n1', hosts: ['10.0.0.1', 'fd00::1', 'n1.example'] };
  const certificate = new X509Certificate(await issueCertificate(authority, subject, requestPem, context));

  assert.ok(certificate.verify(new X509Certificate(authority.certPem).publicKey));
  assert.ok(
    certificate.checkIP('10.0.0.1') && certificate.checkIP('fd00::1') && certificate.checkIP('127.0.0.1'),
  );
  assert.ok(certificate.checkHost('n1') && certificate.checkHost('n1.example'));
  assert.equal(certificate.checkHost('evil.example'), undefined);
  assert.equal(certificate.ca, false);
  assert.match(keyPem, /^-----BEGIN PRIVATE KEY-----/);
});

test('a request whose signature does not fit, or that is not one, is refused', async () => {
  const authority = await createAuthority('prod', context);
  const subject = { cluster: 'prod', node: 'n1', hosts: [] };
  const { requestPem } = await createRequest('n1');
  const der = Buffer.from(requestPem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
  for (const bad of [forged, '', 'x'.repeat(20_000), authority.certPem])
    await assert.rejects(
      issueCertificate(authority, subject, bad, context),
      (error) => error instanceof EterneError && error.code === 'protocol',
    );
});

test('serial numbers are positive and differ', async () => {
  const authority = await createAuthority('prod', context);
  const { requestPem } = await createRequest('n1');
  const serials = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const pem = await issueCertificate(
        authority,
        { cluster: 'prod', node: 'n1', hosts: [] },
        requestPem,
        context,
      );
      return new X509Certificate(pem).serialNumber;
    }),
  );
  assert.equal(new Set(serials).size, serials.length);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
});
