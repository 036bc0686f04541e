import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Address, Stream, StreamHandler } from '@eterne/runtime';
import { Drops } from '../../../src/heart/drops.ts';
import { PROFILES } from '../../../src/profiles.ts';
import { FrameSeal, plainFrame } from '../../../src/raft/transport/frames.ts';
import { Dialer } from '../../../src/raft/transport/handshake.ts';
import { InboundLink } from '../../../src/raft/transport/inbound.ts';
import { patienceMs } from '../../../src/raft/transport/outbound.ts';
import { VirtualTime } from '../../service/virtual-time.ts';

const KEY = Buffer.alloc(32, 5);
const { raft } = PROFILES.lan;
const LENGTH_BYTES = 4;
const nothing = (): never => assert.fail('not for this');

/** A link that n2 has proven itself on, to a node of those addresses; when it confirmed something. */
function opened(addresses: readonly Address[]) {
  const time = new VirtualTime();
  const written: Buffer[] = [];
  const confirmedMs: number[] = [];
  let isOpen = false;
  let handler: StreamHandler | undefined;
  const stream: Stream = {
    localAddress: '10.0.0.1:1',
    remoteAddress: '10.0.0.2:1',
    bufferedBytes: 0,
    start: (given) => (handler = given),
    write: (chunk) => {
      if (isOpen) confirmedMs.push(time.bootMs());
      return written.push(chunk) > 0;
    },
    cork: nothing,
    uncork: nothing,
    pauseReading: nothing,
    resumeReading: nothing,
    end: nothing,
    destroy: nothing,
  };
  const random = { bytes: (length: number) => Buffer.alloc(length, 1), uuid: nothing, below: nothing };
  const network = { connect: nothing, listen: nothing, secure: nothing, datagram: nothing };
  const options = {
    world: { clock: time, timers: time, random, network, log: () => {} },
    cluster: 'c',
    clusterKey: KEY,
    self: 'n1',
    timing: () => raft,
    addressesOf: () => addresses,
  };
  const link = new InboundLink(
    options,
    stream,
    new Drops(),
    () => {},
    () => {},
  );
  const dialer = new Dialer(KEY, { cluster: 'c', from: 'n2', to: 'n1' }, Buffer.alloc(32, 2));
  handler?.onData(plainFrame(dialer.hello));
  const answer = dialer.answer(written[0]?.subarray(LENGTH_BYTES) ?? Buffer.alloc(0));
  assert.ok(!(answer instanceof EterneError));
  handler?.onData(plainFrame(answer.proof));
  assert.equal(link.from, 'n2');
  isOpen = true;
  const seal = new FrameSeal(answer.keys.toAcceptor);
  return { time, link, confirmedMs, receive: () => handler?.onData(seal.seal(Buffer.from('message'))) };
}

for (const [addresses, name] of [
  [['10.0.0.1:1'], 'one address'],
  [['10.0.0.1:1', '10.0.1.1:1'], 'two addresses'],
  [[], 'addresses that it does not know yet'],
] as const)
  test(`a node of ${name} confirms heartbeats as often as who sends them needs, and no more often`, () => {
    const { time, link, confirmedMs, receive } = opened(addresses);
    const patience = patienceMs(raft, addresses.length === 1 ? 1 : 2);
    const beats = 100;
    for (let beat = 0; beat < beats; beat += 1) {
      receive();
      link.confirmWith();
      time.run(raft.heartbeatMs);
    }
    const gaps = confirmedMs.slice(1).map((atMs, index) => atMs - (confirmedMs[index] ?? 0));
    assert.ok(Math.max(...gaps) <= patience / 2, `${Math.max(...gaps)} ms`);
    assert.ok(Math.min(...gaps) >= patience / 4, `${Math.min(...gaps)} ms`);
    assert.ok(confirmedMs.length >= (beats * raft.heartbeatMs) / (patience / 2));
  });

test('and what it has nothing to answer to it confirms by itself, once', () => {
  const { time, confirmedMs, receive } = opened(['10.0.0.1:1']);
  receive();
  time.run(patienceMs(raft, 1) / 2);
  assert.equal(confirmedMs.length, 1);
  time.run(10 * patienceMs(raft, 1));
  assert.equal(confirmedMs.length, 1);
});
