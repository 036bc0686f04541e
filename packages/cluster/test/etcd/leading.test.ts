import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeTerm } from '../../src/etcd/layout.ts';
import { Leading, type Seen } from '../../src/etcd/leading.ts';
import { PROFILES } from '../../src/profiles.ts';

const { takeOverMs, driftMarginMs, beatMs } = PROFILES.lan.etcd;
const SELF = { member: 'n1#a', session: 2 };

const fresh = (): Leading =>
  new Leading({ self: SELF, timing: () => PROFILES.lan.etcd, randomBelow: (bound) => bound - 1 });

interface Said {
  readonly term?: number;
  readonly member?: string;
  readonly session?: number;
  readonly beat?: number;
  readonly releasedTo?: string | null;
}

const seen = (revision: number, said: Said): Seen => {
  const { term = 1, member = 'n2#b', session = 1, beat = revision, releasedTo = null } = said;
  const record = { term, member, session };
  return {
    revision,
    term: { record, value: encodeTerm(record) },
    beat: { record: { count: beat, releasedTo, takeOverMs }, revision: beat },
  };
};

const EMPTY: Seen = { revision: 1, term: undefined, beat: undefined };

/** Leads term 1 since its transaction that was sent at 1000 and answered at 1900. */
function leader(): Leading {
  const leading = fresh();
  leading.observe(EMPTY, 900);
  const wish = leading.wish(1000);
  assert.ok(wish?.kind === 'stand' && wish.record.term === 1);
  leading.stood(seen(2, { ...SELF, term: 1 }), 1000, 1900);
  return leading;
}

test('authority counts from when the renewal was sent, not from when its answer came', () => {
  const leading = leader();
  assert.equal(leading.authorityUntilMs, 1000 + takeOverMs - driftMarginMs);
  leading.beaten({ count: 1, releasedTo: null, takeOverMs }, 1600, 3, 2300);
  assert.equal(leading.authorityUntilMs, 1600 + takeOverMs - driftMarginMs);
  leading.beaten({ count: 2, releasedTo: null, takeOverMs }, 1200, 4, 2400);
  assert.equal(
    leading.authorityUntilMs,
    1600 + takeOverMs - driftMarginMs,
    'a late answer takes nothing away',
  );
});

test('nobody stands before the same renewal has been seen for the whole time', () => {
  const leading = fresh();
  leading.observe(seen(5, { beat: 4 }), 1000);
  assert.equal(leading.wish(1000 + takeOverMs - 1), undefined);
  leading.observe(seen(9, { beat: 9 }), 2000);
  assert.equal(leading.wish(1000 + takeOverMs + beatMs), undefined, 'the leader has renewed meanwhile');
  leading.observe(seen(20, { beat: 9 }), 3000);
  const wish = leading.wish(2000 + takeOverMs + beatMs);
  assert.ok(wish?.kind === 'stand');
  assert.deepEqual(wish.record, { term: 2, ...SELF });
  assert.equal(wish.from.beat?.revision, 9);
});

test('an answer that was overtaken by a newer one tells nothing', () => {
  const leading = leader();
  leading.observe(seen(10, { term: 2 }), 5000);
  assert.equal(leading.isLeader, false);
  leading.observe(seen(9, { ...SELF, term: 1 }), 5001);
  assert.equal(leading.isLeader, false);
  leading.beaten({ count: 5, releasedTo: null, takeOverMs }, 4900, 9, 5002);
  assert.equal(leading.authorityUntilMs, Number.NEGATIVE_INFINITY);
});

test('a leadership that was won unnoticed claims nothing before it is renewed', () => {
  const leading = fresh();
  leading.observe(EMPTY, 0);
  leading.failed(5000);
  leading.observe(seen(3, { ...SELF, term: 1 }), 9000);
  assert.equal(leading.isLeader, true);
  assert.equal(leading.authorityUntilMs, Number.NEGATIVE_INFINITY);
  assert.equal(leading.wish(9000)?.kind, 'beat');
});

test('the leadership of an earlier life is waited out like anybody else’s', () => {
  const leading = fresh();
  leading.observe(seen(3, { ...SELF, session: 1 }), 1000);
  assert.equal(leading.isLeader, false);
  assert.equal(leading.wish(1000 + takeOverMs - 1), undefined);
});

test('a hand-over waits out the authority, releases it, and never claims it again', () => {
  const leading = leader();
  const untilMs = leading.authorityUntilMs;
  assert.equal(leading.transfer('n2#b'), true);
  assert.equal(leading.transfer('n3#c'), false);
  assert.equal(leading.wish(untilMs), undefined);
  const wish = leading.wish(untilMs + 1);
  assert.ok(wish?.kind === 'beat');
  assert.equal(wish.record.releasedTo, 'n2#b');
  leading.beaten(wish.record, untilMs + 1, 7, untilMs + 5);
  assert.equal(leading.isLeader, false);
  assert.equal(leading.wish(untilMs + 1 + takeOverMs - 1), undefined);
});

test('who is released to stands at once, the others wait', () => {
  const [chosen, other] = [fresh(), fresh()];
  chosen.observe(seen(8, { releasedTo: SELF.member }), 4000);
  assert.equal(chosen.wish(4000)?.kind, 'stand');
  other.observe(seen(8, { releasedTo: 'n3#c' }), 4000);
  assert.equal(other.wish(4000 + takeOverMs - 1), undefined);
});
