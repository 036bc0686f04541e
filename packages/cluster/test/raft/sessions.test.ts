import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Sessions } from '../../src/raft/sessions.ts';

test('a command is admitted once, in whatever order its copies come', () => {
  const copies = fc.array(fc.record({ sequence: fc.integer({ min: 1, max: 20 }) }), { maxLength: 60 });
  fc.assert(
    fc.property(copies, (sent) => {
      const sessions = new Sessions();
      const admitted = sent.filter(({ sequence }) =>
        sessions.admit({ origin: 'a', session: 1, sequence, lowest: 1 }),
      );
      assert.equal(admitted.length, new Set(sent.map(({ sequence }) => sequence)).size);
    }),
  );
});

test('what its sender has given up is not admitted any more', () => {
  const sessions = new Sessions();
  assert.ok(sessions.admit({ origin: 'a', session: 1, sequence: 5, lowest: 5 }));
  assert.ok(!sessions.admit({ origin: 'a', session: 1, sequence: 4, lowest: 1 }));
});

test('a new life ends the old one’s commands', () => {
  const sessions = new Sessions();
  assert.ok(sessions.admit({ origin: 'a', session: 2, sequence: 1, lowest: 1 }));
  assert.ok(!sessions.admit({ origin: 'a', session: 1, sequence: 9, lowest: 1 }));
  assert.ok(sessions.admit({ origin: 'b', session: 1, sequence: 1, lowest: 1 }));
});

test('the table survives its encoding, and members and copies are told apart as before', () => {
  const sessions = new Sessions();
  for (const sequence of [1, 3]) sessions.admit({ origin: 'a', session: 7, sequence, lowest: 1 });
  const restored = new Sessions();
  restored.restore(sessions.encode());
  assert.ok(!restored.admit({ origin: 'a', session: 7, sequence: 3, lowest: 1 }));
  assert.ok(restored.admit({ origin: 'a', session: 7, sequence: 2, lowest: 1 }));
});

test('those that left are forgotten only when there are too many', () => {
  const sessions = new Sessions();
  for (let i = 0; i < 300; i += 1) {
    sessions.admit({ origin: `n${i}`, session: 1, sequence: 1, lowest: 1 });
    sessions.prune((id) => id === 'n0');
  }
  const again = (origin: string): boolean => sessions.admit({ origin, session: 1, sequence: 1, lowest: 1 });
  assert.ok(!again('n0'), 'a member is kept');
  assert.ok(!again('n299'), 'one that left lately is kept');
  assert.ok(again('n1'), 'the oldest that left is forgotten');
});
