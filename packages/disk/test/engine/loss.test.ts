import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Arbiter, SetAnswer, SetProposal } from '../../src/engine/api.ts';
import { EXTENT_BYTES } from '../../src/metadata/index.ts';
import { BLOCK, Pair } from './support/pair.ts';
import { keepSmallLog } from './support/small-log.ts';

const EXTENT_BLOCKS = EXTENT_BYTES / BLOCK;

/** An arbiter that answers when the test says so. */
class ScriptedArbiter implements Arbiter {
  readonly open: { readonly proposal: SetProposal; readonly done: (answer: SetAnswer) => void }[] = [];
  version = 1;

  propose(proposal: SetProposal, done: (answer: SetAnswer) => void): void {
    this.open.push({ proposal, done });
  }

  commit(): SetProposal {
    const { proposal, done } = this.#next();
    done({ kind: 'committed', set: { version: proposal.expectedVersion + 1, members: proposal.members } });
    return proposal;
  }

  #next(): { readonly proposal: SetProposal; readonly done: (answer: SetAnswer) => void } {
    const next = this.open.shift();
    assert.ok(next, 'something is proposed');
    return next;
  }

  refuse(): void {
    this.#next().done({ kind: 'refused', reason: 'this node is isolated' });
  }
}

function scriptedPair(): { pair: Pair; arbiter: ScriptedArbiter } {
  const arbiter = new ScriptedArbiter();
  const pair = new Pair({ arbiter: () => arbiter }).startMirror();
  return { pair, arbiter };
}

describe('losing a peer', () => {
  test('holds writes until its removal is committed, then answers them under a new generation', () => {
    const { pair, arbiter } = scriptedPair();
    pair.write(pair.a, 0, 1);
    const before = pair.a.volume.status().generation.current;
    pair.network.isCut = true;
    const held = pair.begin(pair.a, 1, 2);
    pair.until(() => arbiter.open.length === 1, 3000);
    const late = pair.begin(pair.a, 2, 3);
    pair.scheduler.runFor(5000);
    assert.equal(held.answer, undefined);
    assert.equal(late.answer, undefined);
    assert.equal(pair.a.volume.status().heldWrites, 2);
    assert.equal(pair.a.volume.status().generation.current, before, 'no new generation for a held write');
    const proposal = arbiter.commit();
    assert.deepEqual(proposal.members, ['a']);
    assert.deepEqual(proposal.removed, ['b']);
    pair.until(() => held.answer === 'ok' && late.answer === 'ok');
    const status = pair.a.volume.status();
    assert.notEqual(status.generation.current, before);
    assert.deepEqual(status.inSyncSet, ['a']);
  });

  test('onPeerLost ask: a survivor promoted by force acknowledges nothing before the absent one is settled', () => {
    const arbiter = new ScriptedArbiter();
    const pair = new Pair({
      arbiter: () => ({ isLocal: true, propose: arbiter.propose.bind(arbiter) }),
      config: { onPeerLost: 'ask' },
    });
    pair.startMirror();
    pair.write(pair.a, 0, 1);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b, { force: true });
    const write = pair.begin(pair.b, 1, 2);
    pair.scheduler.runFor(5000);
    assert.equal(write.answer, undefined);
    assert.deepEqual(pair.b.volume.status().inSyncSet, ['a', 'b']);
    const proposal = arbiter.commit();
    assert.deepEqual([proposal.members, proposal.removed], [['b'], ['a']]);
    pair.until(() => write.answer === 'ok');
    assert.equal(pair.read(pair.b, 0), 1);
  });

  test('is noticed within two seconds of silence', () => {
    const { pair, arbiter } = scriptedPair();
    pair.network.isCut = true;
    const startMs = pair.scheduler.nowMs;
    pair.until(() => arbiter.open.length === 1);
    assert.ok(pair.scheduler.nowMs - startMs <= 1800);
  });

  test('refused: the term ends, nothing is answered well, and every unconfirmed block is dirty', () => {
    const { pair, arbiter } = scriptedPair();
    pair.network.isCut = true;
    const held = pair.begin(pair.a, 7, 9);
    const { device } = pair.a.volume;
    pair.until(() => arbiter.open.length === 1);
    arbiter.refuse();
    pair.until(() => pair.a.volume.status().role === 'secondary');
    assert.equal(held.answer, 'ESHUTDOWN');
    assert.equal(pair.a.volume.device, undefined);
    assert.ok((pair.a.volume.status().peers[0]?.dirtyBytes ?? 0) >= 4096);
    let answer: string | undefined;
    device?.read(0, 4096, (error) => (answer = error));
    assert.equal(answer, 'ESHUTDOWN');
  });

  test('after a refusal the other side is promoted, and the old primary becomes its target', () => {
    const { pair, arbiter } = scriptedPair();
    pair.write(pair.a, 7, 1);
    pair.network.isCut = true;
    pair.begin(pair.a, 7, 9);
    pair.until(() => arbiter.open.length === 1);
    arbiter.refuse();
    pair.until(() => pair.a.volume.status().role === 'secondary');
    const granted = { term: { number: 9, grantor: 'a' }, set: { version: 9, members: ['b'] } };
    pair.promote(pair.b, { granted });
    pair.longLease(pair.b);
    assert.equal(pair.read(pair.b, 7), 1);
    pair.write(pair.b, 8, 5);
    pair.network.isCut = false;
    pair.until(() => arbiter.open.length === 1);
    const proposal = arbiter.commit();
    assert.deepEqual(proposal.members.toSorted(), ['a', 'b']);
    assert.equal(proposal.term.number, 9);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    assert.equal(pair.read(pair.b, 7), 1, 'the write that was never acknowledged is gone on both');
  });

  test('an addition of unknown outcome needs the larger set', () => {
    const { pair, arbiter } = scriptedPair();
    pair.b.kill();
    pair.until(() => arbiter.open.length === 1);
    arbiter.commit();
    pair.write(pair.a, 1, 1);
    pair.b.start();
    pair.until(() => arbiter.open.length === 1);
    assert.deepEqual(arbiter.open[0]?.proposal.members.toSorted(), ['a', 'b']);
    pair.network.isCut = true;
    const write = pair.begin(pair.a, 2, 2);
    pair.scheduler.runFor(4000);
    assert.equal(write.answer, undefined);
    arbiter.commit();
    pair.until(() => arbiter.open.length === 1);
    assert.equal(write.answer, undefined);
    assert.deepEqual(arbiter.commit().members, ['a']);
    pair.until(() => write.answer === 'ok');
  });

  test('everything since the last flush that the peer confirmed is dirty for it', () => {
    const { pair, arbiter } = scriptedPair();
    pair.write(pair.a, 1, 1);
    pair.flush(pair.a);
    pair.write(pair.a, 2, 2);
    pair.write(pair.a, 3, 3);
    pair.b.kill(true);
    pair.until(() => arbiter.open.length === 1);
    assert.equal(pair.a.volume.status().peers[0]?.dirtyBytes, 2 * 4096);
    arbiter.commit();
    assert.equal(pair.b.data.content[2 * 4096], 0, 'the write was in a volatile cache');
    pair.b.start();
    pair.until(() => arbiter.open.length === 1);
    arbiter.commit();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('with onPeerLost: freeze everything waits for the peer, then goes on', () => {
    const pair = new Pair({ config: { onPeerLost: 'freeze' } }).startMirror();
    pair.write(pair.a, 1, 1);
    pair.b.kill();
    const write = pair.begin(pair.a, 2, 2);
    pair.until(() => pair.a.volume.status().frozen);
    let value: number | undefined;
    pair.a.volume.device?.read(0, 4096, (_error, data) => (value = data[0]));
    pair.scheduler.runFor(5000);
    assert.equal(write.answer, undefined);
    assert.equal(value, undefined);
    assert.deepEqual(pair.a.volume.status().inSyncSet, ['a', 'b']);
    pair.b.start();
    pair.until(() => write.answer === 'ok' && value === 0);
    pair.until(() => pair.isEqual());
    assert.equal(pair.a.volume.status().frozen, false);
    pair.assertIdentical();
  });
});

/** Writes go on while `b` comes back, and the link is cut `steps` after it was found to have every block. */
function lostWhenEqual(steps: number): Pair {
  const pair = new Pair({ diskDelayMs: () => 0.2 });
  keepSmallLog(pair, pair.a, ['b']);
  keepSmallLog(pair, pair.b, ['a']);
  pair.startMirror();
  pair.b.kill();
  pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
  pair.write(pair.a, 0, 1, 64);
  // What it is sent it answers long after this node's own disk.
  pair.network.latencyMs = 3;
  pair.b.start();
  let written = 0;
  let last = pair.begin(pair.a, 64, 2);
  const isEqual = (): boolean => {
    written += 1;
    // In both extents that the log has room for.
    const block = 64 + (written % 400) + (written % 2) * EXTENT_BLOCKS;
    if (last.answer !== undefined) last = pair.begin(pair.a, block, 2);
    return pair.a.volume.status().peers[0]?.replication === 'Established';
  };
  pair.until(isEqual);
  let left = steps;
  pair.until(() => left-- === 0);
  pair.network.isCut = true;
  pair.until(() => pair.a.volume.status().peers[0]?.connection !== 'Connected');
  return pair;
}

test('a peer that was lost as soon as it was equal leaves no write behind that waits for it and keeps the activity log from moving on', () => {
  for (let steps = 0; steps < 12; steps += 2) {
    const pair = lostWhenEqual(steps);
    pair.network.isCut = false;
    pair.until(() => pair.a.volume.status().inSyncSet.length === 2 && pair.isEqual());
    for (let extent = 0; extent < 8; extent += 1) pair.write(pair.a, extent * EXTENT_BLOCKS, extent + 1);
    pair.demote(pair.a);
    pair.assertIdentical();
  }
});
