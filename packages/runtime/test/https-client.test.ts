import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { presentedChain } from '../src/node/https-client.ts';

test('what answers and speaks no TLS is called so in one line, with what to look at', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).end('220 mail.example ESMTP\r\n'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assert.rejects(presentedChain(url, 5_000), {
    code: 'unreachable',
    message: `what answers at ${url} is not the API of a node`,
    hint: /check the port/,
  });
  server.close();
});
