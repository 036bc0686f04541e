import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RaftLog } from '../../src/raft/log.ts';

test('an entry keeps no memory but its own', () => {
  const log = new RaftLog({ index: 0, term: 0, members: [], data: Buffer.alloc(0) }, [], 0);
  const data = Buffer.from('cut out of what Node.js has ready for small buffers');
  assert.ok(data.buffer.byteLength > data.length);
  log.append([{ index: 1, term: 1, kind: 'command', data }]);
  const kept = log.entryAt(1)?.data;
  assert.deepEqual(kept, data);
  assert.equal(kept?.buffer.byteLength, data.length);
});
