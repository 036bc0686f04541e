import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, type Operation } from '../../src/checkers/history.ts';
import { findDisorder, withLateAnswers } from '../../src/checkers/linearizable.ts';
import { Prng } from '../../src/world/prng.ts';

/** One sector, told in any order and judged in order of time. A write is known by the label it returns; zeroes are 0. */
class Script {
  private readonly events: { readonly atMs: number; readonly happen: (history: History) => void }[] = [];
  private readonly ids = new Map<number, number>([[0, 0]]);
  private labels = 0;

  write(from: number, to?: number, term = 1, durable = false): number {
    this.labels += 1;
    const label = this.labels;
    this.operation('write', from, to, term, durable, (history, operation, nowMs) => {
      if (nowMs === undefined) this.ids.set(label, operation.id);
      else history.acknowledge(operation, nowMs);
    });
    return label;
  }

  zero(from: number, to: number): void {
    this.operation('zero', from, to, 1, false, (history, operation, nowMs) => {
      if (nowMs !== undefined) history.acknowledge(operation, nowMs);
    });
  }

  read(from: number, to: number, label: number, term = 1): void {
    this.operation('read', from, to, term, false, (history, operation, nowMs) => {
      if (nowMs !== undefined) history.answerRead(operation, [this.ids.get(label) ?? -1], nowMs);
    });
  }

  flush(from: number, to: number): void {
    this.operation('flush', from, to, 1, false, (history, operation, nowMs) => {
      if (nowMs !== undefined) history.acknowledgeFlush(operation, nowMs);
    });
  }

  fence(atMs: number, term: number, lossy: boolean, settled = lossy): void {
    this.events.push({ atMs, happen: (history) => history.fence(term, lossy, atMs, settled) });
  }

  private get history(): History {
    const history = new History();
    for (const { happen } of this.events.toSorted((x, y) => x.atMs - y.atMs)) happen(history);
    return history;
  }

  get verdict(): 'fine' | 'broken' {
    return findDisorder(this.history) === undefined ? 'fine' : 'broken';
  }

  /** The same where a process that stood still may pass on late what it was answered in time. */
  get verdictWithoutLeases(): 'fine' | 'broken' {
    return findDisorder(withLateAnswers(this.history)) === undefined ? 'fine' : 'broken';
  }

  /** `act` is called when it begins, and with the time when it returns. */
  private operation(
    kind: Operation['kind'],
    from: number,
    to: number | undefined,
    term: number,
    durable: boolean,
    act: (history: History, operation: Operation, nowMs: number | undefined) => void,
  ): void {
    let operation: Operation | undefined;
    this.events.push({
      atMs: from,
      happen: (history) => {
        operation = history.begin({ kind, firstSector: 0, sectorCount: 1, term, node: 'a', durable }, from);
        act(history, operation, undefined);
      },
    });
    if (to === undefined) return;
    this.events.push({
      atMs: to,
      happen: (history) => {
        assert.ok(operation);
        act(history, operation, to);
      },
    });
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

test('an answer may be heard late, and not be given late', () => {
  const begin = (): [History, Operation] => {
    const history = new History();
    const what = {
      kind: 'write',
      firstSector: 0,
      sectorCount: 1,
      term: 1,
      node: 'a',
      durable: false,
    } as const;
    return [history, history.begin(what, 0)];
  };
  const [fine, heardLate] = begin();
  heardLate.returnedOrder = fine.mark();
  fine.fence(2, false, 1);
  fine.acknowledge(heardLate, 2);
  assert.equal(findDisorder(fine), undefined);
  const [broken, givenLate] = begin();
  broken.fence(2, false, 1);
  givenLate.returnedOrder = broken.mark();
  broken.acknowledge(givenLate, 2);
  assert.match(findDisorder(broken) ?? '', /was answered although a newer term had opened/);
});

test('without leases an answer may come late, but what it answers must be there when a newer term opens', () => {
  for (const isThere of [true, false]) {
    const script = new Script();
    const before = script.write(1, 2);
    const late = script.write(3, 20);
    script.fence(10, 2, false);
    script.read(11, 12, isThere ? late : before, 2);
    assert.equal(script.verdict, 'broken');
    assert.equal(script.verdictWithoutLeases, isThere ? 'fine' : 'broken');
  }
});

test('an un-acknowledged write may appear late, once, and not after a newer term opened', () => {
  const late = new Script();
  const first = late.write(0, 1);
  const lost = late.write(2);
  late.read(10, 11, first);
  late.read(20, 21, lost);
  assert.equal(late.verdict, 'fine');
  late.fence(30, 2, false);
  late.read(40, 41, lost, 2);
  assert.equal(late.verdict, 'fine');

  const tooLate = new Script();
  const base = tooLate.write(0, 1);
  const ghost = tooLate.write(2);
  tooLate.fence(30, 2, false);
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
    script.fence(10, 2, true);
    script.read(11, 12, seen({ old, flushed, loose }), 2);
    return script;
  };
  assert.equal(build(({ flushed }) => flushed).verdict, 'fine');
  assert.equal(build(({ loose }) => loose).verdict, 'fine');
  assert.equal(build(({ old }) => old).verdict, 'broken');
  assert.equal(build(() => 0).verdict, 'broken');
});

test('whose machine kept its power may lose at the next cut what no flush has covered, also what was read there meanwhile', () => {
  const build = (settled: boolean, flushes: boolean): Script => {
    const script = new Script();
    const before = script.write(0, 1);
    script.write(2, 3);
    const loose = script.write(4, 5);
    script.fence(10, 2, true, settled);
    script.read(11, 12, loose, 2);
    if (flushes) script.flush(13, 14);
    script.fence(20, 3, true);
    script.read(21, 22, before, 3);
    return script;
  };
  assert.equal(build(false, false).verdict, 'fine');
  assert.equal(build(true, false).verdict, 'broken');
  assert.equal(build(false, true).verdict, 'broken');
});

test('a flush after a power cut says nothing of what was lost by then, though it was another replica that lost it', () => {
  const build = (seen: (labels: { kept: number; lost: number }) => number): Script => {
    const script = new Script();
    const kept = script.write(1, 2);
    script.flush(3, 4);
    const lost = script.write(5, 6);
    script.fence(10, 2, true, false);
    script.flush(13, 14);
    script.fence(20, 3, true);
    script.read(21, 22, seen({ kept, lost }), 3);
    return script;
  };
  assert.equal(build(({ kept }) => kept).verdict, 'fine');
  assert.equal(build(({ lost }) => lost).verdict, 'fine');
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
