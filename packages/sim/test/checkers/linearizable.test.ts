import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, type Operation } from '../../src/checkers/history.ts';
import { findDisorder } from '../../src/checkers/linearizable.ts';
import { Prng } from '../../src/world/prng.ts';

/** One sector, one term, terse. */
class Script {
  readonly history = new History();

  private begin(kind: Operation['kind'], atMs: number, term: number, durable = false): Operation {
    return this.history.begin({ kind, firstSector: 0, sectorCount: 1, term, node: 'a', durable }, atMs);
  }

  write(from: number, to?: number, term = 1, durable = false): number {
    const operation = this.begin('write', from, term, durable);
    if (to !== undefined) this.history.acknowledge(operation, to);
    return operation.id;
  }

  zero(from: number, to: number): void {
    this.history.acknowledge(this.begin('zero', from, 1), to);
  }

  read(from: number, to: number, value: number, term = 1): void {
    this.history.answerRead(this.begin('read', from, term), [value], to);
  }

  flush(from: number, to: number): void {
    this.history.acknowledgeFlush(this.begin('flush', from, 1), to);
  }

  get verdict(): 'fine' | 'broken' {
    return findDisorder(this.history) === undefined ? 'fine' : 'broken';
  }
}

test('a read returns the newest write', () => {
  const script = new Script();
  const first = script.write(0, 1);
  const second = script.write(2, 3);
  script.read(4, 5, second);
  assert.equal(script.verdict, 'fine');
  script.read(6, 7, first);
  assert.equal(script.verdict, 'broken');
});

test('a read beside a write may return either value, but not go back', () => {
  const script = new Script();
  const first = script.write(0, 1);
  const second = script.write(2, 10);
  script.read(3, 4, first);
  script.read(5, 6, second);
  assert.equal(script.verdict, 'fine');
  script.read(7, 8, first);
  assert.equal(script.verdict, 'broken');
});

test('an un-acknowledged write may appear late, once, and not after a newer term opened', () => {
  const late = new Script();
  const first = late.write(0, 1);
  const lost = late.write(2);
  late.read(10, 11, first);
  late.read(20, 21, lost);
  assert.equal(late.verdict, 'fine');
  late.history.fence(2, false, 30);
  late.read(40, 41, lost, 2);
  assert.equal(late.verdict, 'fine');

  const tooLate = new Script();
  const base = tooLate.write(0, 1);
  const ghost = tooLate.write(2);
  tooLate.history.fence(2, false, 30);
  tooLate.read(31, 32, base, 2);
  tooLate.read(40, 41, ghost, 2);
  assert.equal(tooLate.verdict, 'broken');
});

test('discards write zeroes, which several changes may explain', () => {
  const script = new Script();
  script.read(0, 1, 0);
  const value = script.write(2, 3);
  script.zero(4, 20);
  script.read(5, 6, value);
  script.read(7, 8, 0);
  const next = script.write(9, 10);
  script.read(21, 22, next);
  assert.equal(script.verdict, 'fine');
  script.read(23, 24, 0);
  assert.equal(script.verdict, 'broken');
});

test('a lossy fence takes back what no flush covered, and nothing else', () => {
  const build = (seen: (ids: { flushed: number; loose: number; old: number }) => number): Script => {
    const script = new Script();
    const old = script.write(0, 1);
    const flushed = script.write(2, 3);
    script.flush(4, 5);
    const loose = script.write(6, 7);
    script.history.fence(2, true, 10);
    script.read(11, 12, seen({ old, flushed, loose }), 2);
    return script;
  };
  assert.equal(build(({ flushed }) => flushed).verdict, 'fine');
  assert.equal(build(({ loose }) => loose).verdict, 'fine');
  assert.equal(build(({ old }) => old).verdict, 'broken');
  assert.equal(build(() => 0).verdict, 'broken');
});

test('the histories of a real register are fine, and altered ones are not', () => {
  let caught = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const prng = new Prng(seed, 'register');
    const script = new Script();
    let value = 0;
    let reads = 0;
    let now = 0;
    const alter = seed % 2 === 0 ? prng.whole(5, 15) : Number.POSITIVE_INFINITY;
    const seen: number[] = [0];
    for (let i = 0; i < 60; i += 1) {
      now += prng.between(0.1, 2);
      const effect = now + prng.between(0, 1);
      if (prng.chance(0.5)) {
        value = script.write(now, effect + prng.between(0, 1));
        seen.push(value);
      } else {
        reads += 1;
        const answer = reads === alter ? (seen.at(-3) ?? 0) : value;
        script.read(now, effect + prng.between(0, 0.01), answer);
      }
      now = effect;
    }
    if (alter === Number.POSITIVE_INFINITY) assert.equal(script.verdict, 'fine', `seed ${seed}`);
    else if (script.verdict === 'broken') caught += 1;
  }
  assert.ok(caught > 15, `${caught} of 30 altered histories caught`);
});
