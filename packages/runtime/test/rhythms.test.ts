import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timer } from '../src/index.ts';
import { Rhythms } from '../src/node/rhythms.ts';

/** A clock that stands still until the test moves it, and the one timer that may be armed. */
class Machine {
  nowMs: number;
  readonly rhythms: Rhythms;
  wakeups = 0;
  #armed: { readonly dueMs: number; readonly fire: () => void } | undefined;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
    this.rhythms = new Rhythms({ bootMs: () => this.nowMs }, (delayMs, fire) => this.#after(delayMs, fire));
  }

  get isArmed(): boolean {
    return this.#armed !== undefined;
  }

  #after(delayMs: number, fire: () => void): Timer {
    assert.equal(this.#armed, undefined, 'one timer at a time');
    const armed = { dueMs: this.nowMs + delayMs, fire };
    this.#armed = armed;
    return {
      cancel: () => {
        if (this.#armed === armed) this.#armed = undefined;
      },
    };
  }

  runUntil(endMs: number): void {
    for (let next = this.#armed; next && next.dueMs <= endMs; next = this.#armed) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      this.#armed = undefined;
      this.wakeups += 1;
      next.fire();
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }
}

test('rhythms that divide each other fall together, on multiples of their intervals', () => {
  const machine = new Machine(1_003.5);
  const fired: string[] = [];
  for (const ms of [50, 100, 200])
    machine.rhythms.every(ms, () => fired.push(`${ms}@${Math.floor(machine.nowMs)}`));
  machine.runUntil(1_210);
  assert.deepEqual(fired, ['50@1050', '50@1100', '100@1100', '50@1150', '50@1200', '100@1200', '200@1200']);
  assert.equal(machine.wakeups, 4);
});

test('a process that was stopped does once what it has missed', () => {
  const machine = new Machine(0);
  let fired = 0;
  machine.rhythms.every(100, () => (fired += 1));
  machine.nowMs = 1_234;
  machine.runUntil(1_250);
  assert.equal(fired, 1);
  machine.runUntil(1_300);
  assert.equal(fired, 2);
});

test('a shorter rhythm that begins later is not late', () => {
  const machine = new Machine(10);
  const firedMs: number[] = [];
  machine.rhythms.every(1000, () => {});
  machine.rhythms.every(20, () => firedMs.push(machine.nowMs));
  machine.runUntil(60);
  assert.deepEqual(firedMs, [20, 40, 60]);
});

test('what is cancelled is over, also within the same moment; the last one takes the timer with it', () => {
  const machine = new Machine(0);
  const fired: string[] = [];
  const second: { timer?: Timer } = {};
  const first = machine.rhythms.every(10, () => {
    fired.push('first');
    second.timer?.cancel();
  });
  second.timer = machine.rhythms.every(10, () => fired.push('second'));
  machine.runUntil(20);
  assert.deepEqual(fired, ['first', 'first']);
  first.cancel();
  assert.ok(!machine.isArmed);
});
