import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Listener, Stream } from '../src/index.ts';
import { nodeNetwork } from '../src/node/network.ts';
import type { NodeStream } from '../src/node/stream.ts';

const listen = (address: string, onStream: (stream: Stream) => void): Promise<Listener> =>
  new Promise((resolve, reject) => {
    nodeNetwork.listen(address, onStream, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });
const connect = (address: string): Promise<Stream> =>
  new Promise((resolve, reject) => {
    nodeNetwork.connect(address, { timeoutMs: 60_000 }, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });

const IPPROTO_TCP = 6;
const TCP_THIN_LINEAR_TIMEOUTS = 16;

/** getsockopt(2). */
function tcpOption(socket: Socket, option: number): number {
  const { load } = createRequire(import.meta.url)('koffi') as {
    readonly load: (name: string) => { func(prototype: string): (...args: unknown[]) => number };
  };
  const getsockopt = load('libc.so.6').func(
    'int getsockopt(int fd, int level, int name, void *value, void *length)',
  );
  const value = Buffer.alloc(4);
  const length = Buffer.from(new Int32Array([value.length]).buffer);
  const { fd } = (socket as Socket & { readonly _handle: { readonly fd: number } })._handle;
  assert.equal(getsockopt(fd, IPPROTO_TCP, option, value, length), 0);
  return value.readInt32LE(0);
}

/** Sends everything back, and closes when the other side does. */
function echo(stream: Stream): void {
  stream.start({
    onData: (chunk) => void stream.write(Buffer.from(chunk)),
    onDrain: () => {},
    onClose: () => {},
  });
}

test('a stream carries bytes both ways in order, and closes once', async () => {
  const listener = await listen('127.0.0.1:0', echo);
  const stream = await connect(listener.address);
  const sent = Buffer.alloc(3_000_000);
  for (let i = 0; i < sent.length; i += 1) sent[i] = i % 251;
  const received: Buffer[] = [];
  let bytes = 0;
  const error = await new Promise<EterneError | undefined>((resolve) => {
    stream.start({
      onData(chunk) {
        received.push(Buffer.from(chunk));
        bytes += chunk.length;
        if (bytes === sent.length) stream.end();
      },
      onDrain: () => {},
      onClose: resolve,
    });
    stream.write(sent);
  });
  listener.close();
  assert.equal(error, undefined);
  assert.ok(Buffer.concat(received).equals(sent));
});

test('what is lost on a connection that carries little is sent again at even intervals, on both sides', async () => {
  const accepted: Stream[] = [];
  const listener = await listen('127.0.0.1:0', (stream) => accepted.push(stream));
  const stream = await connect(listener.address);
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const sockets = [stream, ...accepted].map((end) => (end as NodeStream).release());
  assert.deepEqual(
    sockets.map((socket) => tcpOption(socket, TCP_THIN_LINEAR_TIMEOUTS)),
    [1, 1],
  );
  for (const socket of sockets) socket.destroy();
  listener.close();
});

test('a refused connection, a port in use and a bad address are errors with codes', async () => {
  const listener = await listen('127.0.0.1:0', echo);
  await assert.rejects(listen(listener.address, echo), { code: 'busy', hint: /another program has it/ });
  // Of documentation (RFC 5737).
  await assert.rejects(listen('192.0.2.1:0', echo), { code: 'unreachable', hint: /no such address/ });
  listener.close();
  await assert.rejects(connect(listener.address), { code: 'unreachable' });
  await assert.rejects(connect('nonsense'), { code: 'config' });
});

test('a stale unix socket file is replaced, one in use is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-net-'));
  const address = `unix:${folder}/a.sock`;
  writeFileSync(join(folder, 'plain'), 'data');
  await assert.rejects(listen(`unix:${folder}/plain`, echo), { code: 'busy' });
  const first = await listen(address, echo);
  await assert.rejects(listen(address, echo), { code: 'busy' });
  first.close();
  const second = await listen(address, echo);
  second.close();
  rmSync(folder, { recursive: true });
});

test('a paused stream holds its data until it is resumed', async () => {
  const listener = await listen('127.0.0.1:0', echo);
  const stream = await connect(listener.address);
  let heard = 0;
  const all = Promise.withResolvers<void>();
  const onData = (chunk: Buffer): void => {
    heard += chunk.length;
    if (heard === 100) all.resolve();
  };
  stream.start({ onData, onDrain: () => {}, onClose: () => {} });
  await new Promise((resolve) => setTimeout(resolve, 10));
  stream.pauseReading();
  stream.write(Buffer.alloc(100));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(heard, 0);
  stream.resumeReading();
  await all.promise;
  stream.destroy();
  listener.close();
});

test('a port that nobody listens on never answers, although a dialler may meet itself there', async () => {
  // The kernel walks through its range of ports for outgoing connections in steps of chance: in one walk it may pass over the one dialled, in forty hardly.
  const [low = 32_768, high = 60_999] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .split(/\s+/)
    .map(Number);
  const port = low + 2 * Math.floor((high - low) / 4);
  let metItself = false;
  for (let tries = 0; tries < 40 * (high - low) && !metItself; tries += 100) {
    const dials = Array.from({ length: 100 }, () => connect(`127.0.0.1:${port}`));
    for (const dial of await Promise.allSettled(dials)) {
      assert.equal(dial.status, 'rejected');
      metItself ||= /nobody listens/.test(String(dial.reason));
    }
  }
  assert.ok(metItself);
});
