/** The moments between the accesses to the disk, one by one: what the other node does in them must be seen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EterneError } from '@eterne/base';
import type { SharedDisks } from '@eterne/runtime';
import {
  encodeTieBlock,
  readTieArea,
  TIE_AREA_BYTES,
  tieOffset,
  type TieBlock,
} from '../../src/raft/tie/block.ts';
import { TieDriver } from '../../src/raft/tie/tie-driver.ts';
import type { Message, MessageBody } from '../../src/raft/messages/message.ts';
import { VirtualTime } from './support/virtual-time.ts';

const TIE = '~tie#1';

/** n1 plays the tie-breaker on a disk whose accesses happen only when the test says so. */
class Bench {
  readonly time = new VirtualTime();
  readonly area = Buffer.alloc(TIE_AREA_BYTES);
  readonly answers: Message[] = [];
  readonly #pending: (() => void)[] = [];
  readonly driver: TieDriver;

  constructor(own: Partial<TieBlock> = {}, other: Partial<TieBlock> = {}) {
    this.put(0, 'n1', own);
    this.put(1, 'n2', other);
    const life = { isAlive: () => true, stoppedUntilMs: () => 0 };
    const disks: SharedDisks = {
      open: (_path, done) =>
        done({
          read: (offset, length, finished) =>
            this.#pending.push(() => finished(Buffer.from(this.area.subarray(offset, offset + length)))),
          write: (offset, from, finished: (error: EterneError | undefined) => void) =>
            this.#pending.push(() => {
              from.copy(this.area, offset);
              finished(undefined);
            }),
          close: () => {},
        }),
    };
    this.driver = new TieDriver({
      world: {
        clock: { bootMs: () => this.time.nowMs, wallMs: () => 0 },
        timers: this.time.timers(life),
        log: () => {},
      },
      disks,
      path: '/shared',
      member: TIE,
      self: 'n1#a',
      answer: (message) => this.answers.push(message),
    });
    this.access();
  }

  put(place: number, owner: string, block: Partial<TieBlock>): void {
    const whole = {
      member: TIE,
      owner,
      counter: 2,
      term: 1,
      lastTerm: 1,
      lastIndex: 5,
      holdMs: 700,
      ...block,
    };
    encodeTieBlock(whole).copy(this.area, tieOffset(place, whole.counter));
  }

  /** The next access to the disk happens. */
  access(): void {
    const next = this.#pending.shift();
    assert.ok(next, 'an access is waiting');
    next();
  }

  /** Long enough that a leader would have shown itself. */
  waitOutLeader(): void {
    for (const endMs = this.time.nowMs + 800; this.time.nowMs < endMs;) {
      this.time.runUntil(this.time.nowMs + 200);
      while (this.#pending.length > 0) this.access();
    }
  }

  ask(term: number, body: MessageBody): void {
    this.driver.ask({ from: 'n1#a', to: TIE, term, body });
    this.time.runUntil(this.time.nowMs + 1);
  }

  get answered(): readonly string[] {
    return this.answers.map(({ term, body }) => {
      const verdict = 'granted' in body ? body.granted : 'ok' in body ? body.ok : true;
      return `${body.kind} ${verdict ? 'yes' : 'no'} in ${term}`;
    });
  }
}

const VOTE: MessageBody = { kind: 'vote', lastIndex: 5, lastTerm: 1, transfer: false };
const PRE_VOTE: MessageBody = { kind: 'pre-vote', lastIndex: 5, lastTerm: 1 };
const HEARTBEAT: MessageBody = { kind: 'heartbeat', round: 7, commit: 5, holdMs: 700 };
const APPEND: MessageBody = { kind: 'append', prevIndex: 8, prevTerm: 2, commit: 5, entries: [] };

test('a vote is on the disk before it is answered', () => {
  const bench = new Bench();
  bench.waitOutLeader();
  bench.ask(2, VOTE);
  bench.access();
  bench.access();
  assert.deepEqual(bench.answered, []);
  assert.equal(readTieArea(bench.area)[0]?.term, 2);
  bench.access();
  assert.deepEqual(bench.answered, ['vote-reply yes in 2']);
});

test('no vote for who started, or saw the other move, a moment ago', () => {
  const bench = new Bench();
  bench.ask(2, PRE_VOTE);
  bench.access();
  bench.waitOutLeader();
  bench.ask(2, PRE_VOTE);
  bench.access();
  bench.put(1, 'n2', { counter: 3 });
  bench.ask(2, VOTE);
  bench.access();
  assert.deepEqual(bench.answered, [
    'pre-vote-reply no in 1',
    'pre-vote-reply yes in 2',
    'vote-reply no in 2',
  ]);
});

test('a leader that shows itself between the accesses of a vote keeps its authority', () => {
  const bench = new Bench();
  bench.waitOutLeader();
  bench.ask(2, VOTE);
  bench.access();
  bench.put(1, 'n2', { counter: 3 });
  bench.access();
  bench.access();
  assert.deepEqual(bench.answered, ['vote-reply no in 2']);
});

test('two candidates of one term: whoever looks last sees the other, and neither is granted by both', () => {
  const bench = new Bench();
  bench.waitOutLeader();
  bench.ask(2, VOTE);
  bench.access();
  bench.put(1, 'n2', { counter: 3, term: 2 });
  bench.access();
  bench.access();
  assert.deepEqual(bench.answered, ['vote-reply no in 2']);
});

test('a candidate that lacks an entry which the tie-breaker holds is refused, whoever told it', () => {
  for (const bench of [new Bench({ lastIndex: 6 }), new Bench({}, { lastTerm: 2, lastIndex: 1 })]) {
    bench.waitOutLeader();
    bench.ask(3, VOTE);
    bench.access();
    assert.deepEqual(bench.answered, ['vote-reply no in 3']);
  }
});

test('a leader that was left behind between the accesses of a confirmation is told, not confirmed', () => {
  const bench = new Bench({ term: 2 });
  bench.ask(2, HEARTBEAT);
  bench.access();
  bench.put(1, 'n2', { counter: 3, term: 3 });
  bench.access();
  bench.access();
  assert.deepEqual(bench.answered, ['append-reply no in 3']);
});

test('what a leader is confirmed is held from then on; all of one moment by one write', () => {
  const bench = new Bench({ term: 2 });
  bench.driver.ask({ from: 'n1#a', to: TIE, term: 2, body: HEARTBEAT });
  bench.ask(2, APPEND);
  for (let access = 0; access < 3; access += 1) bench.access();
  assert.deepEqual(bench.answered, ['heartbeat-reply yes in 2', 'append-reply yes in 2']);
  const [own] = readTieArea(bench.area);
  assert.deepEqual([own?.lastTerm, own?.lastIndex, own?.counter], [2, 8, 3]);
});

test('a torn write leaves the block before it; a disk that holds something else is silent', () => {
  const bench = new Bench({ counter: 2 }, {});
  bench.put(0, 'n1', { counter: 3, term: 9 });
  bench.area.fill(0, tieOffset(0, 3) + 100, tieOffset(0, 3) + 200);
  bench.area[tieOffset(0, 3) + 17] = 1;
  assert.equal(readTieArea(bench.area)[0]?.term, 1);
  bench.put(1, 'n2', { counter: 4, member: '~tie#another' });
  bench.ask(2, HEARTBEAT);
  bench.access();
  assert.deepEqual(bench.answered, []);
  assert.match(bench.driver.trouble ?? '', /does not hold what was written there/);
});

test('a disk that hangs is a voter that is down until it answers', () => {
  const bench = new Bench();
  assert.equal(bench.driver.trouble, undefined);
  bench.time.runUntil(bench.time.nowMs + 4000);
  assert.equal(bench.driver.trouble, undefined, 'it is slow');
  bench.time.runUntil(bench.time.nowMs + 2000);
  assert.equal(bench.driver.trouble, '/shared has not answered for 5 s');
  bench.access();
  assert.equal(bench.driver.trouble, undefined);
  bench.waitOutLeader();
  bench.ask(2, VOTE);
  bench.access();
  bench.time.runUntil(bench.time.nowMs + 6000);
  assert.equal(bench.driver.trouble, '/shared has not answered for 5 s', 'nor a write');
  bench.access();
  bench.access();
  assert.equal(bench.driver.trouble, undefined);
  assert.deepEqual(bench.answered, ['vote-reply yes in 2']);
});
