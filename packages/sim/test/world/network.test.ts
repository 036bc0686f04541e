import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Stream } from '@eterne/runtime';
import { Universe } from '../../src/world/universe.ts';

const ADDRESS = '10.0.0.2:7701';

/** `a` connects to `b`; what each side hears is recorded. */
function connected(seed: number) {
  const universe = new Universe(seed, { keepLines: false });
  const a = universe.addNode('a', ['10.0.0.1']);
  const b = universe.addNode('b', ['10.0.0.2']);
  const client = a.start('client');
  const server = b.start('server');
  const heard = { client: '', server: '', clientClosed: 0, serverClosed: 0 };
  const ends: { client?: Stream; server?: Stream } = {};
  server.world.network.listen(
    ADDRESS,
    (stream) => {
      ends.server = stream;
      stream.start({
        onData: (chunk) => (heard.server += chunk.toString()),
        onDrain: () => undefined,
        onClose: () => (heard.serverClosed += 1),
      });
    },
    () => undefined,
  );
  universe.runUntil(1);
  client.world.network.connect(ADDRESS, { timeoutMs: 1000 }, (result) => {
    assert.ok(!(result instanceof EterneError));
    ends.client = result;
    result.start({
      onData: (chunk) => (heard.client += chunk.toString()),
      onDrain: () => undefined,
      onClose: () => (heard.clientClosed += 1),
    });
  });
  universe.runUntil(10);
  assert.ok(ends.client && ends.server);
  return { universe, a, b, client, server, heard, near: ends.client, far: ends.server };
}

test('bytes arrive whole and in order', () => {
  const { universe, heard, near, far } = connected(1);
  let sent = '';
  for (let i = 0; i < 300; i += 1) {
    sent += `${i},`;
    near.write(Buffer.from(`${i},`));
    universe.runUntil(universe.nowMs + 0.01);
  }
  far.write(Buffer.from('back'));
  universe.runUntil(1000);
  assert.equal(heard.server, sent);
  assert.equal(heard.client, 'back');
});

test('a cut holds bytes back silently and a heal delivers them', () => {
  const { universe, a, b, heard, near } = connected(2);
  universe.network.setLink(a, b, false);
  near.write(Buffer.from('x'));
  universe.runUntil(5_000);
  assert.deepEqual([heard.server, heard.serverClosed, heard.clientClosed], ['', 0, 0]);
  universe.network.setLink(a, b, true);
  universe.runUntil(6_000);
  assert.equal(heard.server, 'x');
});

test('a killed process closes its connections, a machine without power does not', () => {
  const killed = connected(3);
  killed.server.crash();
  killed.universe.runUntil(100);
  assert.equal(killed.heard.clientClosed, 1);

  const dark = connected(3);
  dark.b.powerOff();
  dark.universe.runUntil(5_000);
  assert.equal(dark.heard.clientClosed, 0);
  dark.near.write(Buffer.from('?'));
  dark.b.powerOn();
  dark.universe.runUntil(10_000);
  assert.equal(dark.heard.clientClosed, 1, 'the rebooted kernel resets what it does not know');
});

test('a clean end is told once on both sides, after the last byte', () => {
  const { universe, heard, near } = connected(4);
  near.write(Buffer.from('last'));
  near.end();
  universe.runUntil(100);
  assert.deepEqual(heard, { client: '', server: 'last', clientClosed: 1, serverClosed: 1 });
});

test('a writer is told to wait when the reader is stopped, and continues when it reads', () => {
  const { universe, a, b, server, heard, near } = connected(5);
  universe.network.setLink(b, a, false);
  server.pause();
  const big = Buffer.alloc(128 * 1024, 'z');
  let accepted = 0;
  while (near.write(big) && accepted < 100) {
    accepted += 1;
    universe.runUntil(universe.nowMs + 5);
  }
  assert.ok(accepted < 10, `${accepted} accepted`);
  server.resume();
  universe.network.setLink(b, a, true);
  universe.runUntil(universe.nowMs + 2_000);
  assert.equal(heard.server.length, (accepted + 1) * big.length);
});

test('nobody listening refuses at once; a cut link only times out', () => {
  const { universe, a, b, client } = connected(6);
  const results: string[] = [];
  const connect = (to: string): void =>
    client.world.network.connect(to, { timeoutMs: 300 }, (result) =>
      results.push(result instanceof EterneError ? `${result.code}@${universe.nowMs > 200}` : 'connected'),
    );
  connect('10.0.0.2:1');
  universe.runUntil(100);
  universe.network.setLink(b, a, false);
  connect(ADDRESS);
  universe.runUntil(1_000);
  assert.deepEqual(results, ['unreachable@false', 'timeout@true']);
});

test('datagrams are lost, doubled and reordered as the link says', () => {
  const universe = new Universe(7, { keepLines: false });
  const a = universe.addNode('a', ['10.0.0.1']);
  const b = universe.addNode('b', ['10.0.0.2']);
  const got: number[] = [];
  const receiver = b.start('r').world.network;
  receiver.datagram(
    '10.0.0.2:9',
    (payload) => got.push(payload.readUInt16LE(0)),
    () => undefined,
  );
  Object.assign(universe.network.linkBetween(a, b), { loss: 0.2, duplicates: 0.2, latencyMs: [0.1, 50] });
  a.start('s').world.network.datagram(
    '10.0.0.1:9',
    () => undefined,
    (socket) => {
      assert.ok(!(socket instanceof EterneError));
      for (let i = 0; i < 500; i += 1) socket.send('10.0.0.2:9', Buffer.from([i & 255, i >> 8]));
    },
  );
  universe.runUntil(1_000);
  const distinct = new Set(got).size;
  assert.ok(distinct > 300 && distinct < 450, `${distinct} of 500 arrived`);
  assert.ok(got.length > distinct);
  assert.notDeepEqual(
    got,
    got.toSorted((x, y) => x - y),
  );
});

test('a path is cut or broken alone; a machine that is cut off is so on all of them', () => {
  const universe = new Universe(8, { keepLines: false });
  const [a, b] = ['a', 'b'].map((name, i) => {
    const node = universe.addNode(name, [`10.0.0.${i + 1}`]);
    for (const path of ['1', '2']) universe.network.assignHost(`10.${path}.0.${i + 1}`, node, path);
    return node;
  });
  assert.ok(a !== undefined && b !== undefined);
  const server = b.start('server');
  const client = a.start('client');
  const heard = new Map<string, string>();
  const closed: string[] = [];
  const streams = new Map<string, Stream>();
  for (const path of ['1', '2']) {
    const address = `10.${path}.0.2:7701`;
    server.world.network.listen(
      address,
      (stream) =>
        stream.start({
          onData: (chunk) => heard.set(path, (heard.get(path) ?? '') + chunk.toString()),
          onDrain: () => undefined,
          onClose: () => closed.push(path),
        }),
      () => undefined,
    );
    universe.runUntil(universe.nowMs + 1);
    client.world.network.connect(address, { timeoutMs: 1000 }, (stream) => {
      assert.ok(!(stream instanceof EterneError));
      stream.start({ onData: () => undefined, onDrain: () => undefined, onClose: () => undefined });
      streams.set(path, stream);
    });
  }
  universe.runUntil(100);
  const say = (word: string): void => {
    for (const stream of streams.values()) stream.write(Buffer.from(word));
    universe.runUntil(universe.nowMs + 1000);
  };
  universe.network.setLink(a, b, false, '1');
  say('one ');
  assert.deepEqual([heard.get('1'), heard.get('2')], [undefined, 'one ']);
  universe.network.setLink(a, b, false);
  universe.network.setLink(a, b, true, '1');
  say('two ');
  assert.deepEqual([heard.get('1'), heard.get('2')], [undefined, 'one ']);
  universe.network.setLink(a, b, true);
  universe.runUntil(universe.nowMs + 1000);
  assert.deepEqual([heard.get('1'), heard.get('2')], ['one two ', 'one two ']);
  client.network.breakPath('2');
  say('three');
  assert.deepEqual([heard.get('1'), heard.get('2'), closed], ['one two three', 'one two ', ['2']]);
});
