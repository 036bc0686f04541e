import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Stream } from '@eterne/runtime';
import { streamPair } from '../../src/joined/leg-stream.ts';
import { portsOf, Scheduler } from '../engine/support/scheduler.ts';

class Reader {
  text = '';
  drains = 0;
  closes = 0;

  constructor(stream: Stream) {
    stream.start({
      onData: (chunk) => (this.text += chunk.toString()),
      onDrain: () => (this.drains += 1),
      onClose: () => (this.closes += 1),
    });
  }
}

function pair(): { scheduler: Scheduler; a: Stream; b: Stream } {
  const scheduler = new Scheduler();
  const [a, b] = streamPair(portsOf(scheduler, () => false).timers, 'a', 'b');
  return { scheduler, a, b };
}

describe('a stream within the process', () => {
  test('carries bytes in order, never before the call that sends them returns', () => {
    const { a, b, scheduler } = pair();
    const reader = new Reader(b);
    a.write(Buffer.from('one '));
    a.write(Buffer.from('two'));
    assert.deepEqual([reader.text, a.bufferedBytes], ['', 7]);
    scheduler.runFor(1);
    assert.deepEqual([reader.text, a.bufferedBytes], ['one two', 0]);
  });

  test('keeps what a paused reader does not take, and says when it is too much', () => {
    const { a, b, scheduler } = pair();
    const sender = new Reader(a);
    const reader = new Reader(b);
    b.pauseReading();
    assert.equal(a.write(Buffer.alloc(3 << 20, 'x')), true);
    assert.equal(a.write(Buffer.alloc(3 << 20, 'x')), false);
    scheduler.runFor(1);
    assert.deepEqual([reader.text.length, a.bufferedBytes, sender.drains], [0, 6 << 20, 0]);
    b.resumeReading();
    scheduler.runFor(1);
    assert.deepEqual([reader.text.length, a.bufferedBytes, sender.drains], [6 << 20, 0, 1]);
  });

  test('ends behind what was sent, on both sides, once', () => {
    const { a, b, scheduler } = pair();
    const sender = new Reader(a);
    const reader = new Reader(b);
    a.write(Buffer.from('last words'));
    a.end();
    a.write(Buffer.from(' and more'));
    scheduler.runFor(1);
    b.destroy();
    scheduler.runFor(1);
    assert.deepEqual([reader.text, reader.closes, sender.closes], ['last words', 1, 1]);
  });

  test('is torn down at once, also for who has not begun to read', () => {
    const { a, b, scheduler } = pair();
    a.write(Buffer.from('never read'));
    a.destroy();
    scheduler.runFor(1);
    const reader = new Reader(b);
    scheduler.runFor(1);
    assert.deepEqual([reader.text, reader.closes, a.bufferedBytes], ['', 1, 0]);
  });
});
