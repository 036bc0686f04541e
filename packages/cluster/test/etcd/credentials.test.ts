/** Whom the client of etcd believes, and what it tells a server before that. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { after, test } from 'node:test';
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { TestAuthority } from '../../../runtime/test/support/certificates.ts';
import { openGrpcStore } from '../../src/etcd/store/grpc-store.ts';

const authority = new TestAuthority();
after(() => rmSync(authority.folder, { recursive: true }));

/** What becomes of a request to a server with such a certificate that then ends; `told`: the names that it was given. */
async function ask(alternative: string): Promise<{ message: string; told: string[] }> {
  const { certPem, keyPem, caPem } = authority.issue('etcd', alternative);
  const told: string[] = [];
  const SNICallback = (name: string, done: (error: null) => void): void => {
    told.push(name);
    done(null);
  };
  const options = { cert: certPem, key: keyPem, ALPNProtocols: ['h2'], SNICallback };
  const server = createServer(options, (socket) => socket.on('error', () => {}).destroy());
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const tls = { ca: Buffer.from(caPem) };
  const store = openGrpcStore(createNodeWorld('test'), { endpoints: [`127.0.0.1:${port}`], tls });
  const range = { kind: 'range', key: 'x' } as const;
  const message = await new Promise<string>((resolve) =>
    store.txn({ compare: [], success: [range], failure: [] }, 10_000, (answer) =>
      resolve(answer instanceof EterneError ? answer.message : 'an answer'),
    ),
  );
  store.close();
  server.close();
  return { message, told };
}

test('a server whose certificate is made out to another address is not believed', async () => {
  const { message } = await ask('IP:127.0.0.2,DNS:127.0.0.1');
  assert.match(message, /IP: 127\.0\.0\.1 is not in the cert's list/);
});

test('a server that is dialled by its address is believed by it, and told no name', async () => {
  const { message, told } = await ask('IP:127.0.0.1');
  assert.doesNotMatch(message, /cert/i);
  assert.deepEqual(told, []);
});
