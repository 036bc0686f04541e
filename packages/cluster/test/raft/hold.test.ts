/** What a voter promises to a leader, and keeps (docs/internals/profiles.md): of any length, in any order, over a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROFILES } from '../../src/profiles.ts';
import { firstImage } from '../../src/raft/embedded-log.ts';
import { RaftLog } from '../../src/raft/log.ts';
import type { MessageBody } from '../../src/raft/messages/message.ts';
import { RaftNode, type Ready } from '../../src/raft/node.ts';
import type { HardState } from '../../src/raft/types.ts';

const VOTERS = ['a', 'b', 'c'].map((id) => ({ id, role: 'voter' as const }));
const LAN_MS = PROFILES.lan.raft.electionMinMs;
const WAN_MS = PROFILES.wan.raft.electionMinMs;

function voter(nowMs: number, hard?: HardState): RaftNode {
  const { hardState, snapshot, entries } = firstImage({ cluster: 'c', member: 'b' }, VOTERS);
  const log = new RaftLog(snapshot, entries, hardState.commit);
  const config = { id: 'b', timing: PROFILES.lan.raft, randomBelow: () => 0 };
  return new RaftNode(config, log, hard ?? hardState, nowMs);
}

function heartbeat(node: RaftNode, round: number, holdMs: number, nowMs: number): void {
  node.step({ from: 'a', to: 'b', term: 2, body: { kind: 'heartbeat', round, commit: 1, holdMs } }, nowMs);
}

const saidAtOnce = (node: RaftNode, nowMs: number): readonly MessageBody['kind'][] =>
  node.takeOutput(nowMs).messages.map(({ body }) => body.kind);

function written(node: RaftNode, nowMs: number): Ready {
  const ready = node.ready() ?? assert.fail('there is something to write');
  node.persisted(ready, nowMs);
  return ready;
}

function wouldVote(node: RaftNode, nowMs: number): boolean {
  const body = { kind: 'pre-vote', lastIndex: 9, lastTerm: 9 } as const;
  node.step({ from: 'c', to: 'b', term: 9, body }, nowMs);
  const [reply] = node.takeOutput(nowMs).messages;
  return reply?.body.kind === 'pre-vote-reply' && reply.body.granted;
}

/** Has promised `WAN_MS` at 1000. */
function promised(): { readonly node: RaftNode; readonly ready: Ready } {
  const node = voter(0);
  heartbeat(node, 1, WAN_MS, 1000);
  assert.deepEqual(saidAtOnce(node, 1000), [], 'nothing is promised before it is on disk');
  return { node, ready: written(node, 1001) };
}

test('a longer hold is on disk before it is answered, and the next is answered at once', () => {
  const { node, ready } = promised();
  assert.equal(ready.write, 'sync');
  assert.equal(ready.hardState.holdMs, WAN_MS);
  assert.deepEqual(
    ready.messages.map(({ body }) => body.kind),
    ['heartbeat-reply'],
  );
  heartbeat(node, 2, WAN_MS, 2000);
  assert.deepEqual(saidAtOnce(node, 2000), ['heartbeat-reply']);
});

test('a restart forgets no promise', () => {
  const node = voter(5000, promised().ready.hardState);
  assert.equal(wouldVote(node, 5000 + WAN_MS - 1), false);
  assert.equal(wouldVote(node, 5000 + WAN_MS), true);
});

test('a shorter hold ends no longer promise, neither in memory nor on disk', () => {
  const { node } = promised();
  heartbeat(node, 2, LAN_MS, 1500);
  assert.deepEqual(saidAtOnce(node, 1500), ['heartbeat-reply']);
  assert.equal(wouldVote(node, 1000 + WAN_MS - 1), false);
  assert.equal(node.durable.hardState.holdMs, WAN_MS);
  heartbeat(node, 3, LAN_MS, 1000 + WAN_MS);
  node.takeOutput(1000 + WAN_MS);
  assert.equal(node.durable.hardState.holdMs, LAN_MS, 'the longer one is over');
  assert.equal(wouldVote(node, 1000 + WAN_MS + LAN_MS), true);
});

test('what may have been written shorter is written longer again before it is answered', () => {
  const { node } = promised();
  heartbeat(node, 2, LAN_MS, 1000 + WAN_MS);
  saidAtOnce(node, 1000 + WAN_MS);
  heartbeat(node, 3, WAN_MS, 1100 + WAN_MS);
  assert.deepEqual(saidAtOnce(node, 1100 + WAN_MS), []);
  assert.equal(written(node, 1101 + WAN_MS).write, 'sync');
});

test('a leader asks for no longer hold than it keeps itself, on its own disk', () => {
  const node = voter(0);
  node.retime(PROFILES.wan.raft);
  node.step({ from: 'a', to: 'b', term: 1, body: { kind: 'timeout-now' } }, 1);
  heartbeat(node, 1, LAN_MS, 10);
  saidAtOnce(node, 10);
  written(node, 11);
  node.step({ from: 'a', to: 'b', term: 2, body: { kind: 'timeout-now' } }, 20);
  written(node, 21);
  node.step({ from: 'c', to: 'b', term: 3, body: { kind: 'vote-reply', granted: true } }, 22);
  const holds = (nowMs: number): readonly number[] =>
    node.takeOutput(nowMs).messages.flatMap(({ body }) => (body.kind === 'heartbeat' ? [body.holdMs] : []));
  assert.deepEqual(holds(22), [LAN_MS, LAN_MS]);
  assert.equal(written(node, 23).hardState.holdMs, WAN_MS);
  node.tick(node.deadlineMs);
  assert.deepEqual(holds(node.deadlineMs), [WAN_MS, WAN_MS]);
});
