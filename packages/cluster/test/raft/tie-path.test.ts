import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tieId } from '../../src/raft/tie/tie-id.ts';
import { TieTransport } from '../../src/raft/tie/tie-transport.ts';
import type { RaftTransport } from '../../src/raft/transport/port.ts';
import type { Members } from '../../src/raft/members.ts';
import { VirtualTime } from './support/virtual-time.ts';

test('a tie-breaker on a disk of which nobody says where it is answers nothing, and that is told', () => {
  const time = new VirtualTime();
  const inner: RaftTransport = { send: () => {}, onMessage: () => {}, onGone: () => {}, close: () => {} };
  const members: Members = [
    { id: 'n1#a', role: 'voter' },
    { id: 'n2#b', role: 'voter' },
    { id: tieId('1'), role: 'voter' },
  ];
  const transport = new TieTransport(inner, {
    world: {
      clock: { bootMs: () => time.nowMs, wallMs: () => 0 },
      timers: time.timers({ isAlive: () => true, stoppedUntilMs: () => 0 }),
      log: () => {},
    },
    disks: { open: () => assert.fail('there is no path') },
    self: 'n1#a',
    timing: () => assert.fail('nobody leads'),
    path: () => undefined,
    log: () => ({ members, membersBefore: [] }),
    behindSinceMs: () => Number.POSITIVE_INFINITY,
  });
  time.runUntil(2000);
  assert.equal(transport.tie?.trouble, 'no disk is configured for it');
  assert.equal(transport.seen.isSilent, true);
  transport.close();
});
