import assert from 'node:assert/strict';
import net from 'node:net';
import { afterEach, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Address, World } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { keptWithin } from '../../../../runtime/test/support/stalls.ts';
import { FrameSplitter, MAC_BYTES, MESSAGE_MAX_BYTES } from '../../../src/raft/transport/frames.ts';
import { openTcpTransport, type TcpTransport } from '../../../src/raft/transport/tcp-transport.ts';
import { PROFILES } from '../../../src/profiles.ts';

const KEY = Buffer.alloc(32, 7);
const world: World = { ...createNodeWorld('test'), log: () => {} };
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

interface Peer {
  readonly transport: TcpTransport;
  readonly received: string[];
}

const addressBook = new Map<string, readonly Address[]>();

async function open(
  self: string,
  options: { key?: Buffer; cluster?: string; at?: Address[] } = {},
): Promise<Peer> {
  const { key = KEY, cluster = 'c', at = ['127.0.0.1:0'] } = options;
  const transport = await new Promise<TcpTransport>((resolve, reject) => {
    openTcpTransport(
      {
        world,
        cluster,
        clusterKey: key,
        self,
        timing: () => PROFILES.lan.raft,
        addressesOf: (member) => addressBook.get(member) ?? [],
      },
      at,
      (result) => (result instanceof EterneError ? reject(result) : resolve(result)),
    );
  });
  cleanups.push(() => transport.close());
  addressBook.set(self, transport.addresses);
  const received: string[] = [];
  transport.onMessage((from, message) => received.push(`${from}: ${message.toString()}`));
  return { transport, received };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Forwards to `target` and keeps what the dialer said; `swallow` makes it a path that loses everything. */
async function proxy(
  target: Address,
): Promise<{ address: Address; said: Buffer[]; dials(): number; swallow(): void }> {
  const said: Buffer[] = [];
  let dials = 0;
  let swallowing = false;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    dials += 1;
    const upstream = net.connect(Number(target.split(':')[1]), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => (client.destroy(), upstream.destroy()));
    }
    client.on('data', (chunk) => {
      said.push(chunk);
      if (!swallowing) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!swallowing) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as net.AddressInfo;
  return { address: `127.0.0.1:${port}`, said, dials: () => dials, swallow: () => void (swallowing = true) };
}

/** Forwards the handshake, then one frame, and of the next one a forgery. */
async function tamper(target: Address, how: 'flip' | 'repeat' | 'cut'): Promise<Address> {
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.split(':')[1]), '127.0.0.1');
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      socket.on('close', () => (client.destroy(), upstream.destroy()));
      cleanups.push(() => socket.destroy());
    }
    const splitter = new FrameSplitter(MESSAGE_MAX_BYTES);
    let frames = 0;
    client.on('data', (chunk) => {
      splitter.push(chunk);
      for (let frame = splitter.next(); Buffer.isBuffer(frame); frame = splitter.next()) {
        frames += 1;
        if (frames === HANDSHAKE_FRAMES) splitter.expectSealed(MESSAGE_MAX_BYTES);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(frame.length - (frames > HANDSHAKE_FRAMES ? MAC_BYTES : 0));
        const whole = Buffer.concat([length, frame]);
        if (frames <= HANDSHAKE_FRAMES) upstream.write(whole);
        else for (const piece of FORGERIES[how](whole)) upstream.write(piece);
      }
    });
    upstream.on('data', (chunk) => client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

const HANDSHAKE_FRAMES = 2;
const FORGERIES = {
  flip: (frame: Buffer): readonly Buffer[] => {
    const changed = Buffer.from(frame);
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    return [changed];
  },
  repeat: (frame: Buffer): readonly Buffer[] => [frame, frame],
  /** Its length says so too: what is left of it fails its check. */
  cut: (frame: Buffer): readonly Buffer[] => {
    const shorter = Buffer.from(frame.subarray(0, -1));
    shorter.writeUInt32LE(frame.readUInt32LE() - 1);
    return [shorter];
  },
};

test('messages arrive in order, named after their sender', async () => {
  const a = await open('a');
  const b = await open('b');
  for (let i = 0; i < 50; i += 1) a.transport.send('b', Buffer.from(String(i)));
  b.transport.send('a', Buffer.from('hello'));
  await until(() => b.received.length === 50 && a.received.length === 1, 'all messages');
  assert.deepEqual(
    b.received,
    Array.from({ length: 50 }, (_, i) => `a: ${i}`),
  );
});

test('who is dialled by somebody of whom nobody has told answers where he dials from', async () => {
  const b = await open('b', { at: ['127.0.0.2:0'] });
  const [, port] = b.transport.addresses[0]?.split(':') ?? [];
  const a = await open('a', { at: [`127.0.0.1:${port}`] });
  addressBook.delete('a');
  b.transport.send('a', Buffer.from('too early'));
  a.transport.send('b', Buffer.from('hello'));
  await until(() => b.received.length === 1, 'what a says');
  await until(() => a.received.length === 1, 'the answer');
  assert.deepEqual([a.received, b.received], [['b: too early'], ['a: hello']]);
});

test('… and by somebody of whom this node was told where he is no more', async () => {
  const b = await open('b', { at: ['127.0.0.2:0'] });
  const [, port] = b.transport.addresses[0]?.split(':') ?? [];
  const a = await open('a', { at: [`127.0.0.1:${port}`] });
  const former = await open('former');
  addressBook.set('a', former.transport.addresses);
  b.transport.send('a', Buffer.from('hello'));
  a.transport.send('b', Buffer.from('hello'));
  await until(() => a.received.length === 1, 'the answer');
  assert.deepEqual([a.received, former.received], [['b: hello'], []]);
});

test('the largest message passes and a longer one ends the connection', async () => {
  const a = await open('a');
  const b = await open('b');
  a.transport.send('b', Buffer.alloc(1024 * 1024));
  await until(() => b.received.length === 1, 'the large message');
  a.transport.send('b', Buffer.alloc(2 * 1024 * 1024));
  await pause(50);
  a.transport.send('b', Buffer.from('after'));
  await until(
    () => b.received.at(-1) === 'a: after' || (a.transport.send('b', Buffer.from('after')), false),
    'recovery',
  );
  assert.ok(b.received.every((message) => message.length < 1_100_000));
});

test('another cluster key, another cluster, another member: nothing passes', async () => {
  const b = await open('b');
  const wrongKey = await open('a', { key: Buffer.alloc(32, 8) });
  const wrongCluster = await open('a2', { cluster: 'other' });
  wrongKey.transport.send('b', Buffer.from('x'));
  wrongCluster.transport.send('b', Buffer.from('x'));
  addressBook.set('ghost', b.transport.addresses);
  (await open('a3')).transport.send('ghost', Buffer.from('x'));
  await until(() => b.transport.dropped.foreign >= 2, 'another cluster and another member counted');
  await until(
    () => wrongKey.transport.dropped.forged > 0,
    'the one with the wrong key does not believe b either',
  );
  assert.deepEqual(b.received, []);
});

test('a recorded connection, played again, delivers nothing', async () => {
  const a = await open('a');
  const b = await open('b');
  const between = await proxy(b.transport.addresses[0] ?? '');
  addressBook.set('b', [between.address]);
  a.transport.send('b', Buffer.from('once'));
  await until(() => b.received.length === 1, 'the first delivery');
  const replay = net.connect(Number(b.transport.addresses[0]?.split(':')[1]), '127.0.0.1');
  cleanups.push(() => replay.destroy());
  const closed = new Promise((resolve) => replay.on('error', () => {}).on('close', resolve));
  replay.resume();
  replay.write(Buffer.concat(between.said));
  await closed;
  assert.equal(b.received.length, 1);
  assert.equal(b.transport.dropped.forged, 1, 'its proof fits no other connection');
});

test('garbage on the port is dropped', async () => {
  const b = await open('b');
  const port = Number(b.transport.addresses[0]?.split(':')[1]);
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\0', '\x10\0\0\0ETERNE-RAFTxxxxx']) {
    const socket = net.connect(port, '127.0.0.1');
    cleanups.push(() => socket.destroy());
    const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve));
    socket.write(garbage, 'latin1');
    await closed;
  }
  assert.equal(b.transport.dropped.malformed, 3);
  const a = await open('a');
  a.transport.send('b', Buffer.from('still there'));
  await until(() => b.received.length === 1, 'a proper message');
});

/** Two that talk over the second of three paths: the first one refuses. */
async function overSecondPath() {
  const a = await open('a');
  const b = await open('b');
  const [direct = ''] = b.transport.addresses;
  const path = await proxy(direct);
  addressBook.set('b', ['127.0.0.1:1', path.address, direct]);
  a.transport.send('b', Buffer.from('first'));
  await until(() => b.received.length === 1, 'delivery past the closed port');
  assert.ok(path.said.length > 0, 'it went through the proxy');
  return { a, b, direct, path };
}

test('a path that refuses or swallows is left for another, long before TCP would notice', async () => {
  await keptWithin(1500, async () => {
    const { a, b, path } = await overSecondPath();
    path.swallow();
    a.transport.send('b', Buffer.from('swallowed'));
    const lostAt = Date.now();
    await until(
      () => (a.transport.send('b', Buffer.from('second')), b.received.length > 1),
      'delivery on the other path',
    );
    return Date.now() - lostAt;
  });
});

test('a path that is lost is not dialled again first, also when its place among the addresses has changed', async () => {
  const { a, b, direct, path } = await overSecondPath();
  addressBook.set('b', [path.address, direct]);
  path.swallow();
  await until(
    () => (a.transport.send('b', Buffer.from('second')), b.received.length > 1),
    'delivery on the other path',
  );
  assert.equal(path.dials(), 1);
});

test('a member that restarts is reached again within a moment', async () => {
  const a = await open('a');
  const b = await open('b');
  a.transport.send('b', Buffer.from('x'));
  await until(() => b.received.length === 1, 'the first delivery');
  const at = [...b.transport.addresses];
  let { transport } = b;
  await keptWithin(1500, async () => {
    transport.close();
    await pause(50);
    const again = await open('b', { at });
    ({ transport } = again);
    const startedAt = Date.now();
    await until(
      () => (a.transport.send('b', Buffer.from('y')), again.received.length > 0),
      'delivery after the restart',
    );
    return Date.now() - startedAt;
  });
});

test('frames that are forged, repeated, moved or cut short on the way are dropped, and the connection with them', async () => {
  const a = await open('a');
  const b = await open('b');
  const tampered = ['flip', 'repeat', 'cut'] as const;
  for (const [index, how] of tampered.entries()) {
    const between = await tamper(b.transport.addresses[0] ?? '', how);
    addressBook.set('b', [between]);
    const name = `a-${how}`;
    const dialer = await open(name);
    dialer.transport.send('b', Buffer.from('first'));
    await until(
      () =>
        b.transport.dropped.forged === index + 1 || (dialer.transport.send('b', Buffer.from('again')), false),
      `${how}: counted`,
    );
    dialer.transport.close();
  }
  assert.ok(
    b.received.every((message) => /: (first|again)$/.test(message)),
    'nothing but what was said',
  );
  addressBook.set('b', b.transport.addresses);
  a.transport.send('b', Buffer.from('still there'));
  await until(() => b.received.includes('a: still there'), 'a proper message');
});

test('a member is followed to another address, and the old one is left', async () => {
  const a = await open('a');
  const b = await open('b');
  a.transport.send('b', Buffer.from('at home'));
  await until(() => b.received.length === 1, 'the first message');
  const [home = ''] = b.transport.addresses;
  b.transport.relisten([home, '127.0.0.2:0']);
  await until(() => b.transport.addresses.length === 2, 'the new address');
  addressBook.set('b', b.transport.addresses.slice(1));
  b.transport.relisten(b.transport.addresses.slice(1));
  let sent = 0;
  await until(() => {
    a.transport.send('b', Buffer.from(`moved ${(sent += 1)}`));
    return b.received.length > 1;
  }, 'a message at the new one');
  assert.deepEqual(b.transport.addresses.length, 1);
  const refused = await new Promise<unknown>((resolve) =>
    world.network.connect(home, { timeoutMs: 60_000 }, resolve),
  );
  assert.ok(refused instanceof EterneError, 'nobody listens at the old one');
});

test('one address that cannot be bound keeps nobody from the others, and none is an error', async () => {
  const taken = await open('a');
  const both = await open('b', { at: [...taken.transport.addresses, '127.0.0.1:0'] });
  assert.equal(both.transport.addresses.length, 1);
  await assert.rejects(open('c', { at: [...taken.transport.addresses] }), EterneError);
});

/** Hides from `target` that a dialer has gone, as a power cut does. */
async function deaf(
  target: Address,
): Promise<{ address: Address; left: () => number; ended: () => boolean }> {
  let left = 0;
  let ended = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.split(':')[1]), '127.0.0.1');
    cleanups.push(() => upstream.destroy());
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('close', () => (left += 1));
    upstream.on('close', () => (ended = true));
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  return { address: `127.0.0.1:${port}`, left: () => left, ended: () => ended };
}

test('a connection of which nobody heard that it is over ends when its member comes by another', async () => {
  const b = await open('b');
  const path = await deaf(addressBook.get('b')?.[0] ?? '');
  const gone: string[] = [];
  b.transport.onGone((from) => gone.push(from));
  const [own] = b.transport.addresses;
  addressBook.set('b', [path.address]);
  const before = await open('a');
  before.transport.send('b', Buffer.from('one'));
  await until(() => b.received.length === 1, 'it is heard');
  before.transport.close();
  await until(() => path.left() === 1, 'it has gone');
  addressBook.set('b', [own ?? '']);
  const after = await open('a');
  after.transport.send('b', Buffer.from('two'));
  await until(() => path.ended(), 'the first connection is given up');
  assert.deepEqual(b.received, ['a: one', 'a: two']);
  assert.deepEqual(gone, [], 'it is there');
  after.transport.close();
  await until(() => gone.length > 0, 'that it goes is heard');
});
