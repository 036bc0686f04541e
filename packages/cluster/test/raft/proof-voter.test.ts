import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARRED_MAX, decodeNotice, encodeNotice, isLater, isNotice } from '../../src/raft/tie/barred.ts';
import { decodeProofRecord, encodeProofRecord, ProofFile } from '../../src/raft/tie/proof-record.ts';
import { answerHolding, answerLearning } from '../../src/raft/tie/proof-voter.ts';
import type { Message, MessageBody } from '../../src/raft/messages/message.ts';
import { Seeded } from './support/seeded.ts';
import { VirtualDisk } from './support/virtual-files.ts';
import { VirtualTime } from './support/virtual-time.ts';

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

const TIE = '~tie#proof-1';
const held = { peer: 'n2#1', how: 'fenced', knowsAll: true };

test('a record says who is barred in version 2, and older programs read one that bars nobody; what is none is refused', () => {
  const barred = [{ id: 'n2#1', atMs: 7 }];
  for (const record of [
    { member: TIE, held, barred: [] },
    { member: TIE, held: undefined, barred: [] },
    { member: TIE, held: { ...held, knowsAll: false }, barred },
    { member: TIE, held: undefined, barred },
  ]) {
    const encoded = encodeProofRecord(record);
    assert.deepEqual(decodeProofRecord(encoded), record);
    assert.match(encoded.toString(), record.barred.length > 0 ? /"version":2/ : /"version":1/);
  }
  for (const text of [
    '',
    '{}',
    '{"version":2,"member":"x"}',
    '{"version":3,"member":"x"}',
    '{"version":1,"member":"x"}x',
  ])
    assert.throws(() => decodeProofRecord(Buffer.from(text)));
});

test('of version 1 the peer of one that did not know all is barred', () => {
  const written = { version: 1, member: TIE, holds: { ...held, knowsAll: false } };
  assert.deepEqual(decodeProofRecord(Buffer.from(JSON.stringify(written))).barred, [{ id: 'n2#1', atMs: 0 }]);
});

test('what is held is of one tie-breaker, and whoever is barred stays so, as many as there may be', () => {
  const time = new VirtualTime();
  const files = new VirtualDisk(time, new Seeded(1)).files({ isAlive: () => true, stoppedUntilMs: () => 0 });
  const done = (error: unknown): void => assert.equal(error, undefined);
  const life = (): ProofFile => {
    const file = new ProofFile(files, 'tie');
    assert.equal(file.barred, undefined, 'not known yet');
    file.load(done);
    time.runUntil(time.nowMs + 10);
    return file;
  };
  for (let n = 0; n <= BARRED_MAX; n += 1) {
    const left = [{ id: `n2#${n}`, atMs: n }];
    life()
      .recordOf(TIE, () => left)
      .write({ ...held, knowsAll: false }, done);
    time.runUntil(time.nowMs + 10);
  }
  life()
    .recordOf('~tie#proof-2', () => [{ id: 'n3#1', atMs: 1 }])
    .write(held, done);
  time.runUntil(time.nowMs + 10);
  const file = life();
  assert.equal(file.barred?.length, BARRED_MAX);
  assert.deepEqual(file.barred.at(-1), { id: `n2#${BARRED_MAX}`, atMs: BARRED_MAX });
  const found: unknown[] = [];
  for (const member of [TIE, '~tie#proof-2'])
    file.recordOf(member, () => []).read((read) => found.push(read));
  assert.deepEqual(found, [undefined, held]);
});

test('a notice is short and whole; of two words the later one stays', () => {
  const notice = encodeNotice(5);
  assert.equal(notice.toString('hex'), 'c90500000000000000');
  assert.ok(isNotice(notice));
  assert.equal(decodeNotice(notice), 5);
  for (const bytes of [notice.subarray(0, 8), Buffer.concat([notice, Buffer.alloc(1)])])
    assert.throws(() => decodeNotice(bytes));
  assert.ok(isLater({ by: 'n2#1', atMs: 6 }, { by: 'n1#1', atMs: 5 }));
  assert.ok(!isLater({ by: 'n2#1', atMs: 5 }, { by: 'n1#1', atMs: 5 }));
});
