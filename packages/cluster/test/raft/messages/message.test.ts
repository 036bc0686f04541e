import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import * as fc from 'fast-check';
import { decodeMessage, encodeMessage, type Message } from '../../../src/raft/messages/message.ts';

/** Plain objects, as the decoder makes them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true });
}

const id = fc.string({ maxLength: 40 });
const number = fc.nat(Number.MAX_SAFE_INTEGER);
const data = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));

const append = record({
  prevIndex: fc.nat(),
  prevTerm: number,
  commit: number,
  payloads: fc.array(data, { maxLength: 4 }),
}).map(({ prevIndex, prevTerm, commit, payloads }) => ({
  kind: 'append' as const,
  prevIndex,
  prevTerm,
  commit,
  entries: payloads.map((payload, i) => ({
    index: prevIndex + i + 1,
    term: prevTerm,
    kind: 'command' as const,
    data: payload,
  })),
}));

const body: fc.Arbitrary<Message['body']> = fc.oneof(
  append,
  record({ kind: fc.constant('pre-vote' as const), lastIndex: number, lastTerm: number }),
  record({
    kind: fc.constant('vote' as const),
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean(),
  }),
  record({
    kind: fc.constantFrom('pre-vote-reply' as const, 'vote-reply' as const),
    granted: fc.boolean(),
  }),
  record({
    kind: fc.constant('append-reply' as const),
    ok: fc.boolean(),
    index: number,
    hintIndex: number,
    hintTerm: number,
  }),
  record({
    kind: fc.constant('heartbeat' as const),
    round: number,
    commit: number,
    holdMs: fc.integer({ min: 1, max: 60_000 }),
  }),
  record({ kind: fc.constant('heartbeat-reply' as const), round: number }),
  record({ kind: fc.constant('read-index' as const), context: number }),
  record({ kind: fc.constant('read-index-reply' as const), context: number, index: number }),
  record({ kind: fc.constant('propose' as const), data }),
  fc.constant({ kind: 'timeout-now' as const }),
  record({ kind: fc.constant('snapshot-reply' as const), index: number, nextOffset: fc.nat() }),
  data.map((bytes) => ({
    kind: 'snapshot-chunk' as const,
    index: 5,
    entryTerm: 2,
    members: [{ id: 'a', role: 'voter' as const }],
    totalBytes: 1000,
    offset: 100,
    data: bytes,
  })),
);
const message: fc.Arbitrary<Message> = record({ from: id, to: id, term: number, body });

test('every message survives the wire', () => {
  fc.assert(fc.property(message, (sent) => assert.deepEqual(decodeMessage(encodeMessage(sent)), sent)));
});

test('a message cut short or with bytes too many is refused', () => {
  fc.assert(
    fc.property(message, fc.double({ min: 0, max: 0.99, noNaN: true }), (sent, part) => {
      const bytes = encodeMessage(sent);
      assert.ok(decodeMessage(bytes.subarray(0, Math.floor(bytes.length * part))) instanceof EterneError);
      assert.ok(decodeMessage(Buffer.concat([bytes, Buffer.alloc(1)])) instanceof EterneError);
    }),
  );
});

test('noise is refused or decoded, never thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => void decodeMessage(Buffer.from(noise))),
  );
});

test('the wire form is fixed', () => {
  const golden = encodeMessage({
    from: 'a',
    to: 'b',
    term: 0x1_0000_0002,
    body: { kind: 'vote', lastIndex: 7, lastTerm: 3, transfer: true },
  });
  assert.equal(golden.toString('hex'), '020161016202000000010000000700000000000000030000000000000001');
});
