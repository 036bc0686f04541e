import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { readIdentity, writeIdentity, type NodeIdentity } from '../../src/node/identity.ts';
import { membersPath, runFolder } from '../../src/node/layout.ts';
import { readdressNode, type NewPlace } from '../../src/node/readdress.ts';
import { settle } from '../../src/pki/settle.ts';

const IDENTITY: NodeIdentity = {
  version: 1,
  clusterName: 'c',
  clusterId: 'id',
  node: 'n2',
  role: 'node',
  addresses: ['10.0.0.2:7700'],
  api: '10.0.0.2:8443',
  clusterKey: Buffer.alloc(32, 7),
  tls: { certPem: 'cert', keyPem: 'key', caPem: 'ca' },
  voterId: 'voter',
  founder: false,
  seeds: [
    { node: 'n1', role: 'node', addresses: ['10.0.0.1:7700'] },
    { node: 'n2', role: 'node', addresses: ['10.0.0.2:7700'] },
  ],
};

test('only where it is itself is changed, and what its heart knew is forgotten', async (context) => {
  const { files } = createNodeWorld('test');
  const dir = mkdtempSync(join(tmpdir(), 'eterne-readdress-'));
  context.after(() => rmSync(dir, { recursive: true }));
  const move = (place: NewPlace): Promise<NodeIdentity> =>
    settle((done) => readdressNode(files, dir, place, done));
  const addresses = ['10.3.0.2:7700', '10.4.0.2:7700'];
  await assert.rejects(move({ addresses, api: undefined }), /holds no node/);
  await settle((done) => writeIdentity(files, dir, IDENTITY, (error) => done(error)));
  mkdirSync(runFolder(dir));
  assert.equal((await move({ addresses: ['10.9.0.2:7700'], api: undefined })).api, IDENTITY.api);
  writeFileSync(membersPath(dir), '{}');
  await move({ addresses, api: '10.3.0.2:8443' });
  assert.equal(existsSync(membersPath(dir)), false);
  assert.deepEqual(await settle<NodeIdentity>((done) => readIdentity(files, dir, done)), {
    ...IDENTITY,
    addresses,
    api: '10.3.0.2:8443',
    seeds: [IDENTITY.seeds[0], { node: 'n2', role: 'node', addresses }],
  });
});
