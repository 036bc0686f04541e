import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import {
  decodeIdentity,
  encodeIdentity,
  NAME,
  normaliseAddress,
  servicePorts,
  type NodeIdentity,
} from '../../src/node/identity.ts';

const identity: NodeIdentity = {
  version: 1,
  clusterName: 'demo',
  clusterId: '0b1f7a52-5a0d-4d0f-9a55-0d3c9b3b9c11',
  node: 'n1',
  role: 'node',
  addresses: ['127.0.0.1:7700', '127.0.1.1:7700'],
  api: '127.0.0.1:8443',
  clusterKey: Buffer.alloc(32, 7),
  tls: { certPem: 'c', keyPem: 'k', caPem: 'a' },
  voterId: '8c1f0f53-7f9e-4a57-8f2d-9c8f3a4f9f10',
  founder: true,
  seeds: [{ node: 'n1', role: 'node', addresses: ['127.0.0.1:7700'] }],
};

function changed(change: Record<string, unknown>): Buffer {
  const document = JSON.parse(encodeIdentity(identity).toString()) as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ ...document, ...change }));
}

test('an identity survives writing and reading', () => {
  assert.deepEqual(decodeIdentity(encodeIdentity(identity)), identity);
});

test('every fault of node.json is one clear sentence', () => {
  const faults: [Buffer, RegExp][] = [
    [Buffer.from('{'), /is not JSON/],
    [Buffer.from('[]'), /must be an object/],
    [changed({ version: 2 }), /version 2/],
    [changed({ surprise: 1 }), /surprise is unknown/],
    [changed({ node: undefined }), /node is missing/],
    [changed({ node: '../etc' }), /node must match/],
    [changed({ role: 'king' }), /role must be one of/],
    [changed({ addresses: [] }), /1 to 8 addresses/],
    [changed({ addresses: ['a:b:c'] }), /not an address/],
    [changed({ clusterKey: 'c2hvcnQ=' }), /32 bytes/],
    [changed({ tls: { certPem: 'c', keyPem: 'k', caPem: 'a', more: 1 } }), /more is unknown/],
  ];
  for (const [content, message] of faults)
    assert.throws(
      () => decodeIdentity(content),
      (error) => error instanceof EterneError && error.code === 'config' && message.test(error.message),
      message.source,
    );
});

test('addresses get the default port and name what listens behind them', () => {
  assert.equal(normaliseAddress(' 10.0.0.1 '), '10.0.0.1:7700');
  assert.equal(normaliseAddress('[fd00::1]:9000'), '[fd00::1]:9000');
  assert.throws(() => normaliseAddress('10.0.0.1:0'));
  assert.throws(() => normaliseAddress('10.0.0.1:65535'));
  assert.deepEqual(servicePorts('[fd00::1]:7710'), {
    heart: '[fd00::1]:7710',
    raft: '[fd00::1]:7710',
    replication: '[fd00::1]:7711',
  });
});

test('no name is one that every object inherits', () => {
  for (const inherited of Object.getOwnPropertyNames(Object.prototype))
    assert.ok(!NAME.test(inherited), inherited);
  for (const name of ['n1', 'db-2.example_x', 'constructors', 'a'.repeat(63)])
    assert.ok(NAME.test(name), name);
  for (const name of ['', '-a', 'a-', '.', 'a/b', 'a'.repeat(64)]) assert.ok(!NAME.test(name), name);
});
