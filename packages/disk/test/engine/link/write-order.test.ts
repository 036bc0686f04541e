import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreDone, StoreError } from '@eterne/runtime';
import { type OrderedWrite, WriteOrder } from '../../../src/engine/link/write-order.ts';

const FAILURE: StoreError = { kind: 'device', errno: 'EIO', message: 'the disk has failed' };
/** More groups than a call may be nested deep. */
const MANY = 16_384;

/** A store that answers when it is told to, and what became of each write. */
class Bench {
  readonly order = new WriteOrder((done) => this.flushes.push(done));
  readonly flushes: StoreDone[] = [];
  readonly fates: string[] = [];

  /** One whose turn never comes ends at once. */
  write(name: string): OrderedWrite {
    const { order, fates } = this;
    const write: OrderedWrite = {
      group: order.arrived(),
      ordered: (error) => {
        fates.push(error === undefined ? `${name} begun` : `${name} refused`);
        if (error !== undefined) order.finished(write, error);
      },
    };
    return write;
  }
}

describe('the writes of an asynchronous secondary', () => {
  test('behind a barrier begin when all before it are written and flushed', () => {
    const bench = new Bench();
    const [first, second] = [bench.write('1'), bench.write('2')];
    bench.order.barrier();
    const third = bench.write('3');
    for (const write of [third, second, first]) bench.order.begin(write);
    assert.deepEqual(bench.fates, ['2 begun', '1 begun']);
    bench.order.finished(first, undefined);
    assert.equal(bench.flushes.length, 0);
    bench.order.finished(second, undefined);
    assert.deepEqual(bench.fates.slice(2), []);
    bench.flushes.pop()?.(undefined);
    assert.deepEqual(bench.fates.slice(2), ['3 begun']);
  });

  for (const [what, fail] of [
    ['flush', failFlush],
    ['write', failWrite],
  ] as const)
    test(`behind a ${what} that failed are never begun, also those that come later or had to wait for their range`, () => {
      const bench = new Bench();
      const first = bench.write('1');
      bench.order.barrier();
      const [ready, waiting] = [bench.write('ready'), bench.write('waiting')];
      bench.order.barrier();
      const behind = bench.write('behind');
      for (const write of [first, ready, behind]) bench.order.begin(write);
      fail(bench, first);
      bench.order.begin(waiting);
      bench.order.barrier();
      bench.order.begin(bench.write('late'));
      const refused = ['ready refused', 'behind refused', 'waiting refused', 'late refused'];
      assert.deepEqual(bench.fates, ['1 begun', ...refused]);
      assert.equal(bench.flushes.length, 0);
    });

  test('are refused one after the other, however many there are', () => {
    const bench = new Bench();
    const first = bench.write('first');
    bench.order.begin(first);
    for (let i = 0; i < MANY; i += 1) {
      bench.order.barrier();
      bench.order.begin(bench.write(`${i}`));
    }
    bench.order.finished(first, FAILURE);
    assert.equal(bench.fates.length, 1 + MANY);
  });
});

function failWrite({ order }: Bench, write: OrderedWrite): void {
  order.finished(write, FAILURE);
}

function failFlush(bench: Bench, write: OrderedWrite): void {
  bench.order.finished(write, undefined);
  bench.flushes.pop()?.(FAILURE);
}
