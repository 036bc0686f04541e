import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProofRecord, encodeProofRecord } from '../../src/raft/tie/proof-record.ts';
import { answerHolding, answerLearning } from '../../src/raft/tie/proof-voter.ts';
import type { Message, MessageBody } from '../../src/raft/messages/message.ts';

const message = (body: MessageBody, term = 5): Message => ({ from: 'n1#1', to: '~tie#proof-1', term, body });
const entry = (index: number) => ({ index, term: 5, kind: 'noop' as const, data: Buffer.alloc(0) });

test('a learner confirms only what is committed without it', () => {
  const append = {
    kind: 'append',
    prevIndex: 7,
    prevTerm: 5,
    commit: 8,
    entries: [entry(8), entry(9)],
  } as const;
  const reply = answerLearning(message(append));
  assert.equal(reply?.body.kind === 'append-reply' && reply.body.index, 8);
  assert.equal(answerLearning(message({ kind: 'heartbeat', round: 1, commit: 8, holdMs: 700 })), undefined);
});

test('who holds it gets its vote and its confirmation, but not in a term before the last', () => {
  const vote = { kind: 'vote', lastTerm: 4, lastIndex: 9, transfer: false } as const;
  assert.deepEqual(answerHolding(message(vote), 5)?.body, { kind: 'vote-reply', granted: true });
  assert.equal(answerHolding(message(vote), 6), undefined);
  const append = { kind: 'append', prevIndex: 7, prevTerm: 5, commit: 3, entries: [entry(8)] } as const;
  const reply = answerHolding(message(append), 5);
  assert.equal(reply?.body.kind === 'append-reply' && reply.body.index, 8);
});

test('a record is of one tie-breaker; what is none is refused', () => {
  const held = { peer: 'n2#1', how: 'fenced', knowsAll: true };
  const record = encodeProofRecord('~tie#proof-1', held);
  assert.deepEqual(decodeProofRecord(record, '~tie#proof-1'), held);
  assert.equal(decodeProofRecord(record, '~tie#proof-2'), undefined);
  assert.equal(decodeProofRecord(encodeProofRecord('~tie#proof-1', undefined), '~tie#proof-1'), undefined);
  for (const text of ['', '{}', '{"version":2,"member":"x"}', `${record.toString()}x`])
    assert.throws(() => decodeProofRecord(Buffer.from(text), '~tie#proof-1'));
});
