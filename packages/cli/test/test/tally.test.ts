import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTally, countFailure, emptyTally, lastLines, readLastLines } from '../../src/test/tally.ts';

test('the last lines say what failed, and a run inside another is read by them', () => {
  const tally = { ...emptyTally(), passed: 7, skipped: 1 };
  countFailure(tally, 'a.test.ts: hangs', 'no answer within 5 ms\nat a.test.ts');
  countFailure(tally, 'b.test.ts: differs', 'Expected values to be strictly equal:\n\n3 !== 4\n');
  countFailure(tally, 'c.test.ts: says nothing', '');
  const last =
    'failed a.test.ts: hangs: no answer within 5 ms\n' +
    'failed b.test.ts: differs: Expected values to be strictly equal: 3 !== 4\n' +
    'failed c.test.ts: says nothing: no reason given\n' +
    '7 passed, 3 failed, 1 skipped\n';
  assert.equal(lastLines(tally), last);
  const before = '==    a.test.ts\nfailed to connect, it tries again\n==    a.test.ts: 1.0 s\n';
  assert.deepEqual(readLastLines(`${before}${last}a daemon said $& at last\n`), {
    tally,
    rest: `${before}a daemon said $& at last\n`,
  });
  assert.equal(readLastLines(before), undefined);
});

test('of two runs the second adds to what the first counted', () => {
  const [all, own] = [emptyTally(), { ...emptyTally(), passed: 2 }];
  countFailure(all, 'a.test.ts: hangs', 'no answer');
  countFailure(own, 'b.test.ts: ends', 'exit code 1');
  addTally(own, all);
  assert.deepEqual(all, {
    passed: 2,
    failed: 2,
    skipped: 0,
    failures: ['a.test.ts: hangs: no answer', 'b.test.ts: ends: exit code 1'],
  });
});

test('a failure is one short line, whatever its error says', () => {
  const tally = emptyTally();
  countFailure(tally, 'a.test.ts: a name\nof two lines', 'x'.repeat(100_000));
  const [line = ''] = tally.failures;
  assert.match(line, /^a\.test\.ts: a name of two lines: x+…$/);
  assert.equal(line.length, 240);
});
