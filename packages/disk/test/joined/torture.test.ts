import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Load, numbers } from '../engine/support/load.ts';
import type { DiskArray } from './support/array.ts';
import { Site, type Host } from './support/site.ts';

/** Arrays and hosts that come and go under load. One thing fails at a time, so that no acknowledged write may ever be missing. */
class Storm {
  readonly #random: (bound: number) => number;
  readonly #load: Load;
  readonly #site: Site;
  #host: Host;

  constructor(seed: number, arrays: readonly string[]) {
    this.#random = numbers(seed);
    this.#load = new Load(this.#random);
    const style = this.#random(3);
    const diskDelayMs = (): number =>
      style === 0 ? 0 : style === 1 ? this.#random(3) : this.#random(10) === 0 ? this.#random(40) : 0.1;
    this.#site = new Site({ diskDelayMs, arrays }).startServing();
    this.#host = this.#site.a;
  }

  run(rounds: number): void {
    for (let round = 0; round < rounds; round += 1) {
      for (let count = this.#random(6); count > 0; count -= 1) this.#load.step(this.#host);
      this.#site.scheduler.runFor(this.#random(20));
      if (this.#random(12) === 0) this.#fault();
    }
    for (const array of this.#site.arrays) array.restore();
    this.#site.until(() => this.#load.inFlight === 0 && this.#site.isWhole(this.#host), 60_000);
    this.#site.assertIdentical();
    this.#load.verify(this.#site.contentOf(this.#site.d1));
  }

  #fault(): void {
    const { arrays } = this.#site;
    const down = arrays.find(({ isUp }) => !isUp);
    if (down !== undefined) return down.restore();
    if (this.#random(3) === 0) return this.#takeOver();
    // While another one is behind, the one that has everything must stay.
    const mayFail = (array: DiskArray): boolean =>
      this.#host.volume.status().inSyncSet.some((name) => name !== array.name);
    const array = arrays[this.#random(arrays.length)] as DiskArray;
    if (mayFail(array)) array.fail(this.#random(2) === 0);
  }

  #takeOver(): void {
    const { a, b } = this.#site;
    const other = this.#host === a ? b : a;
    const style = this.#random(3);
    if (style === 0) this.#site.demote(this.#host);
    else if (style === 1) this.#host.kill();
    this.#load.forgetBusy();
    if (!other.isUp) other.start();
    this.#site.promote(other);
    if (!this.#host.isUp) this.#host.start();
    this.#host = other;
  }
}

describe('at random, several arrays and two hosts', () => {
  for (let seed = 1; seed <= 4; seed += 1)
    test(`two arrays, seed ${seed}`, () => new Storm(seed, ['d1', 'd2']).run(250));
  for (let seed = 1; seed <= 2; seed += 1)
    test(`three arrays, seed ${seed}`, () => new Storm(100 + seed, ['d1', 'd2', 'd3']).run(200));
});

/** An array fails and returns under load; at event `crashAt` the host dies and the other one takes over. */
function crashAt(lost: 'd1' | 'd2', events: number): { readonly isPast: boolean } {
  const random = numbers(7);
  const load = new Load(random);
  const site = new Site().startServing();
  const other = lost === 'd1' ? 'd2' : 'd1';
  let left = events;
  const go = (isDone: () => boolean): boolean => {
    site.scheduler.runUntil(() => left-- <= 0 || isDone(), 20_000);
    return left > 0;
  };
  const writes = (count: number): void => {
    for (let step = 0; step < count; step += 1) load.step(site.a);
  };
  writes(12);
  site[lost].fail();
  const wasLost = go(() => site.a.volume.status().inSyncSet.join() === other && load.inFlight === 0);
  if (wasLost) writes(6);
  site[lost].restore();
  const isPast = wasLost && go(() => site.isWhole(site.a) && load.inFlight === 0);
  site.a.kill();
  load.forgetBusy();
  site.promote(site.b);
  site.until(() => site.isWhole(site.b));
  site.assertIdentical();
  load.verify(site.contentOf(site.d1));
  return { isPast };
}

describe('a host that dies while an array is lost and comes back', () => {
  for (const lost of ['d1', 'd2'] as const)
    test(`${lost}: whenever it dies, the other host has every acknowledged write`, () => {
      let points = 0;
      for (let events = 1; !crashAt(lost, events).isPast; events += 1 + Math.floor(events / 12)) points += 1;
      assert.ok(points > 20, `${points} crash points`);
    });
});

/** A host has writes under way; after `events` events the other one takes over from it, although it lives. Gives how many writes were given up. */
function replaceAfter(events: number): number {
  const load = new Load(numbers(9));
  const site = new Site({ diskDelayMs: () => 1 }).startServing();
  for (let step = 0; step < 12; step += 1) load.step(site.a);
  let left = events;
  site.scheduler.runUntil(() => left-- <= 0);
  const givenUp = load.inFlight;
  load.forgetBusy();
  site.promote(site.b);
  for (let step = 0; step < 12; step += 1) load.step(site.b);
  // By then the first one has noticed, and has answered all that it was asked.
  site.until(() => site.a.volume.status().role === 'secondary');
  site.until(() => load.inFlight === 0 && site.isWhole(site.b));
  site.assertIdentical();
  load.verify(site.contentOf(site.d1));
  return givenUp;
}

describe('a host that is replaced while it lives, with writes under way', () => {
  test('whenever it is, what it answers late is no answer of the other host, and what it acknowledged is there', () => {
    let points = 0;
    for (let events = 0; replaceAfter(events) > 0; events += 2 + Math.floor(events / 3)) points += 1;
    assert.ok(points > 7, `${points} moments`);
  });
});
