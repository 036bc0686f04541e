import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RaftLog } from '../../src/raft/log.ts';
import { encodeMembers, type Members } from '../../src/raft/members.ts';

test('an entry keeps no memory but its own', () => {
  const log = new RaftLog({ index: 0, term: 0, members: [], data: Buffer.alloc(0) }, [], 0);
  const data = Buffer.from('cut out of what Node.js has ready for small buffers');
  assert.ok(data.buffer.byteLength > data.length);
  log.append([{ index: 1, term: 1, kind: 'command', data }]);
  const kept = log.entryAt(1)?.data;
  assert.deepEqual(kept, data);
  assert.equal(kept?.buffer.byteLength, data.length);
});

test('until a change of the members is known to be committed it is open whether they or those before count', () => {
  const voters = (...ids: readonly string[]): Members => ids.map((id) => ({ id, role: 'voter' }));
  const change = (index: number, members: Members, term = 1) =>
    ({ index, term, kind: 'members', data: encodeMembers(members) }) as const;
  const snapshot = { index: 4, term: 1, members: voters('a'), data: Buffer.alloc(0) };
  const log = new RaftLog(snapshot, [change(5, voters('a', 'b')), change(6, voters('b'))], 4);
  assert.deepEqual(
    log.membersBefore,
    voters('a', 'b'),
    'the one before that was committed when this one came',
  );
  log.commitTo(5);
  assert.deepEqual(log.membersBefore, voters('a', 'b'));
  log.append([{ index: 6, term: 2, kind: 'noop', data: Buffer.alloc(0) }]);
  assert.deepEqual([log.members, log.membersBefore], [voters('a', 'b'), undefined], 'it came to nothing');
  log.append([change(7, voters('c'), 2)]);
  assert.deepEqual(log.membersBefore, voters('a', 'b'));
  log.commitTo(7);
  assert.equal(log.membersBefore, undefined);
});
