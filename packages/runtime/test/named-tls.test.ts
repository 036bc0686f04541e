import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { after, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { TlsIdentity } from '../src/index.ts';
import { presentedChain, requestHttps } from '../src/node/https-client.ts';
import { namedTlsContext, secureNamed } from '../src/node/named-tls.ts';
import { nodeNetwork } from '../src/node/network.ts';
import { TestAuthority } from './support/certificates.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority();
after(() => {
  for (const { folder } of [authority, stranger]) rmSync(folder, { recursive: true });
});
const ADDRESS = 'IP:127.0.0.1';
const own = authority.issue('own', ADDRESS);
const context = namedTlsContext({ ca: Buffer.from(own.caPem) });

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

/** `told`: the names that clients gave. */
async function serve(identity: TlsIdentity): Promise<{ port: number; told: string[]; server: Server }> {
  const told: string[] = [];
  const server = createServer(
    {
      cert: identity.certPem,
      key: identity.keyPem,
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback(name, done) {
        told.push(name);
        done(null);
      },
    },
    (socket) => {
      socket.on('error', () => {});
      socket.end();
    },
  );
  servers.push(server);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, told, server };
}

async function dialled(port: number, host: string): Promise<TLSSocket> {
  const socket: Socket = connect(port, '127.0.0.1');
  try {
    const secured = await secureNamed(socket, host, 'h2', context);
    assert.equal(secured.alpnProtocol, 'h2');
    return secured;
  } finally {
    socket.destroy();
  }
}

test('a server is believed by the address or the name that its certificate is made out to, and by no other', async () => {
  const cases = [
    { alternative: ADDRESS, host: '127.0.0.1', isBelieved: true },
    { alternative: 'DNS:etcd1.example', host: 'etcd1.example', isBelieved: true },
    { alternative: 'IP:127.0.0.2', host: '127.0.0.1', isBelieved: false },
    { alternative: 'DNS:127.0.0.1', host: '127.0.0.1', isBelieved: false },
    { alternative: 'DNS:etcd2.example', host: 'etcd1.example', isBelieved: false },
    { alternative: ADDRESS, host: 'etcd1.example', isBelieved: false },
  ];
  for (const { alternative, host, isBelieved } of cases) {
    const { port } = await serve(authority.issue('server', alternative));
    const dial = dialled(port, host);
    if (isBelieved) await dial;
    else await assert.rejects(dial, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, `${alternative} at ${host}`);
  }
});

test('a certificate of another authority is refused, whatever it says', async () => {
  const { port } = await serve(stranger.issue('server', ADDRESS));
  await assert.rejects(dialled(port, '127.0.0.1'), /certificate/);
});

test('a server that ends in the middle of it is an error', async () => {
  const { port, server } = await serve(own);
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => socket.destroy());
  await assert.rejects(dialled(port, '127.0.0.1'));
});

test('a server is told its name, and never an address for one (RFC 6066 section 3)', async () => {
  const { port, told } = await serve(authority.issue('server', `${ADDRESS},DNS:etcd1.example`));
  await dialled(port, 'etcd1.example');
  await dialled(port, '127.0.0.1');
  await presentedChain(`https://127.0.0.1:${port}`, 60_000);
  const request = { url: `https://127.0.0.1:${port}/`, method: 'GET', headers: {}, timeoutMs: 60_000 };
  await assert.rejects(requestHttps({ ...request, authorityPem: own.caPem }));
  await new Promise<void>((resolve, reject) =>
    nodeNetwork.connect(`127.0.0.1:${port}`, { timeoutMs: 60_000, tls: own }, (stream) => {
      if (stream instanceof EterneError) return reject(stream);
      stream.destroy();
      resolve();
    }),
  );
  assert.deepEqual(told, ['etcd1.example']);
});
