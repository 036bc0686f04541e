import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  keyOfLook,
  standing,
  weigh,
  type Finding,
  type TroubleBook,
} from '../../../src/monitor/watch/trouble-book.ts';
import { TROUBLES_MAX } from '../../../src/state/watch.ts';

const LINK = { kind: 'link', subject: 'eth0' } as const;
const WANTED = new Set([keyOfLook(LINK)]);
const found = (is: Finding['is'], detail = ''): Finding => ({ ...LINK, is, detail });
const BAD = found('trouble', 'eth0 has no carrier');

class Watched {
  book: TroubleBook = new Map();
  nowMs = 0;

  /** One look a second. */
  look(finding: Finding, seconds: number, wanted: ReadonlySet<string> = WANTED): readonly string[] {
    for (let second = 0; second < seconds; second += 1) {
      this.nowMs += 1000;
      this.book = weigh(this.book, this.nowMs, wanted, [finding]);
    }
    return standing(this.book).map(({ detail }) => detail);
  }
}

test('what passes at once is no trouble; what lasts is, and is over when it has been well for a while', () => {
  const watched = new Watched();
  assert.deepEqual(watched.look(BAD, 2), []);
  assert.deepEqual(watched.look(found('well'), 1), []);
  assert.equal(watched.book.size, 0);
  assert.deepEqual(watched.look(BAD, 3), ['eth0 has no carrier']);
  assert.deepEqual(watched.look(found('well'), 30), ['eth0 has no carrier']);
  assert.deepEqual(watched.look(found('well'), 1), []);
});

test('what cannot be seen stays as it was', () => {
  const watched = new Watched();
  watched.look(BAD, 5);
  assert.deepEqual(watched.look(found('unknown'), 1000), ['eth0 has no carrier']);
});

test('a link that flaps changes its state less and less often, ten minutes apart in the end', () => {
  const watched = new Watched();
  let changes = 0;
  let last = 0;
  for (let second = 0; second < 6 * 3600; second += 1) {
    const isBad = second % 40 < 4;
    const now = watched.look(isBad ? BAD : found('well'), 1).length;
    if (now !== last) changes += 1;
    last = now;
  }
  // Every 40 s it is gone for 4: without doubled holds that were 1,080 changes.
  assert.ok(changes <= 4, `${changes} changes`);
});

test('what is not watched any more is held as long as if it were well, then forgotten', () => {
  const watched = new Watched();
  watched.look(BAD, 5);
  assert.deepEqual(watched.look(found('unknown'), 29, new Set()), ['eth0 has no carrier']);
  assert.deepEqual(watched.look(found('unknown'), 3, new Set()), []);
  watched.look(found('unknown'), 3601, new Set());
  assert.equal(watched.book.size, 0);
});

test('only so many are told', () => {
  const all = Array.from({ length: TROUBLES_MAX + 5 }, (_, at): Finding => ({ ...BAD, subject: `e${at}` }));
  const wanted = new Set(all.map(keyOfLook));
  const book = weigh(weigh(new Map(), 0, wanted, all), 5000, wanted, all);
  assert.equal(standing(book).length, TROUBLES_MAX);
});
