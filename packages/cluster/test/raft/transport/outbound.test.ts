import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { Drops } from '../../../src/heart/drops.ts';
import { PROFILES } from '../../../src/profiles.ts';
import { OutboundLink, patienceMs } from '../../../src/raft/transport/outbound.ts';
import { VirtualTime } from '../../service/virtual-time.ts';

const SECOND_MS = 1000;
const ADDRESSES = ['10.0.0.2:1', '10.0.1.2:1'];
const nothing = (): never => assert.fail('not for this');

/** A link to a member that listens nowhere, and when each of its addresses was tried. */
function away() {
  const time = new VirtualTime();
  const triedMs: number[] = [];
  const startMs = time.bootMs();
  const network = {
    connect: (_address: string, _options: unknown, done: (error: EterneError) => void): void => {
      triedMs.push(time.bootMs() - startMs);
      time.soon(() => done(new EterneError('unreachable', 'nobody listens')));
    },
    listen: nothing,
    secure: nothing,
    datagram: nothing,
  };
  const random = { bytes: nothing, uuid: nothing, below: nothing };
  const world = { clock: time, timers: time, random, network, log: () => {} };
  const link = new OutboundLink(
    {
      world,
      cluster: 'c',
      clusterKey: Buffer.alloc(32),
      self: 'n1',
      timing: () => PROFILES.lan.raft,
      addressesOf: () => ADDRESSES,
    },
    'n2',
    new Drops(),
  );
  const runFor = (seconds: number): number => {
    const before = triedMs.length;
    for (let tenth = 0; tenth < 10 * seconds; tenth += 1) {
      link.send(Buffer.from('message'));
      time.run(SECOND_MS / 10);
    }
    return triedMs.length - before;
  };
  return { link, runFor };
}

test('a member that is away is tried ten times a second on each address for three seconds, then once', () => {
  const { runFor } = away();
  const perSecond = 10 * ADDRESSES.length;
  const quick = runFor(3);
  assert.ok(quick > 2.5 * perSecond && quick <= 3 * perSecond + ADDRESSES.length, `${quick} attempts`);
  runFor(1);
  assert.equal(runFor(10), 10 * ADDRESSES.length);
});

test('and at once, as often as at first, when it is heard', () => {
  const { link, runFor } = away();
  runFor(6.5);
  link.heard();
  assert.ok(runFor(1) > 8 * ADDRESSES.length);
});

test('between sites a silent connection is left before the others elect, with a single address too', () => {
  const { raft } = PROFILES.wan;
  for (const addresses of [1, 2])
    assert.ok(patienceMs(raft, addresses) + raft.heartbeatMs < raft.electionMinMs, `${addresses} addresses`);
});
