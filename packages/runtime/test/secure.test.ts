import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Listener, SecureOptions, Stream } from '../src/index.ts';
import { nodeNetwork } from '../src/node/network.ts';
import { dialOptions } from '../src/node/secure.ts';
import { TestAuthority } from './support/certificates.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority();
const [a, b, foreign] = [authority.issue('a'), authority.issue('b'), stranger.issue('b')];

after(() => {
  for (const { folder } of [authority, stranger]) rmSync(folder, { recursive: true });
});

/** Both ends of a TCP connection. */
async function connected(): Promise<{ dialer: Stream; acceptor: Stream; listener: Listener }> {
  const accepted = Promise.withResolvers<Stream>();
  const listener = await new Promise<Listener>((resolve, reject) => {
    nodeNetwork.listen('127.0.0.1:0', accepted.resolve, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });
  const dialer = await new Promise<Stream>((resolve, reject) => {
    nodeNetwork.connect(listener.address, { timeoutMs: 60_000 }, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });
  return { dialer, acceptor: await accepted.promise, listener };
}

const secure = (stream: Stream, options: Omit<SecureOptions, 'timeoutMs'>): Promise<Stream | EterneError> =>
  new Promise((resolve) => nodeNetwork.secure(stream, { ...options, timeoutMs: 60_000 }, resolve));

function received(stream: Stream, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let all = Buffer.alloc(0);
    stream.start({
      onData(chunk) {
        all = Buffer.concat([all, chunk]);
        if (all.length >= bytes) resolve(all);
      },
      onDrain() {},
      onClose: () => reject(new Error(`closed after ${all.length} bytes`)),
    });
  });
}

test('the acceptor speaks first in TLS; bytes go both ways unchanged', async () => {
  const { dialer, acceptor, listener } = await connected();
  const ends = await Promise.all([
    secure(dialer, { side: 'server', tls: a, peerName: 'b' }),
    secure(acceptor, { side: 'client', tls: b, peerName: 'a' }),
  ]);
  for (const end of ends) assert.ok(!(end instanceof EterneError));
  const [left, right] = ends as [Stream, Stream];
  const sent = Buffer.alloc(3_000_000, 'x').fill('y', 1_000_000);
  const arrived = received(right, sent.length);
  left.write(sent);
  assert.ok((await arrived).equals(sent));
  const back = received(left, 5);
  right.write(Buffer.from('hello'));
  assert.equal((await back).toString(), 'hello');
  left.destroy();
  listener.close();
});

test('a foreign authority, another name, and no TLS at all are refused on the side that minds', async () => {
  const cases = [
    { theirs: foreign, peerName: 'b' },
    { theirs: b, peerName: 'c' },
  ];
  for (const { theirs, peerName } of cases) {
    const { dialer, acceptor, listener } = await connected();
    const [ours] = await Promise.all([
      secure(dialer, { side: 'server', tls: a, peerName }),
      secure(acceptor, { side: 'client', tls: theirs, peerName: 'a' }),
    ]);
    assert.ok(ours instanceof EterneError);
    listener.close();
  }
  const { dialer, acceptor, listener } = await connected();
  const waiting = secure(dialer, { side: 'server', tls: a });
  acceptor.start({ onData() {}, onDrain() {}, onClose() {} });
  acceptor.write(Buffer.from('plain words, plain words, plain words'));
  assert.ok((await waiting) instanceof EterneError);
  listener.close();
});

test('an identity is read once for all connections, and each for itself', () => {
  assert.equal(dialOptions(a).secureContext, dialOptions(a).secureContext);
  assert.notEqual(dialOptions(a).secureContext, dialOptions(b).secureContext);
});
