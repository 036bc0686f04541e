import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Listener, Stream } from '../src/index.ts';
import { nodeTimers } from '../src/node/clock.ts';
import { nodeNetwork } from '../src/node/network.ts';

/** Both ends of a connection. */
function pair(done: (near: Stream, far: Stream, listener: Listener) => void): void {
  let far: Stream | undefined;
  let near: Stream | undefined;
  let listener: Listener | undefined;
  const ready = (): void => {
    if (near !== undefined && far !== undefined && listener !== undefined) done(near, far, listener);
  };
  nodeNetwork.listen(
    '127.0.0.1:0',
    (stream) => {
      far = stream;
      ready();
    },
    (bound) => {
      assert.ok(!(bound instanceof EterneError));
      listener = bound;
      nodeNetwork.connect(bound.address, { timeoutMs: 60_000 }, (stream) => {
        assert.ok(!(stream instanceof EterneError));
        near = stream;
        ready();
      });
    },
  );
}

test('what a chunk asks for after the event is done when it was taken, also what that asks for, before any other event', async () => {
  const steps = await new Promise<string[]>((resolve) => {
    const seen: string[] = [];
    pair((near, far, listener) => {
      near.start({
        onData() {
          nodeTimers.soon(() => seen.push('soon'));
          queueMicrotask(() => seen.push('microtask'));
          nodeTimers.afterEvent(() => {
            seen.push('first');
            nodeTimers.afterEvent(() => seen.push('asked by the first'));
          });
          nodeTimers.afterEvent(() => seen.push('second'));
          seen.push('chunk');
          nodeTimers.soon(() => near.end());
        },
        onDrain: () => {},
        onClose: () => {
          listener.close();
          resolve(seen);
        },
      });
      far.start({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
      far.write(Buffer.from('x'));
    });
  });
  assert.deepEqual(steps, ['chunk', 'first', 'second', 'asked by the first', 'microtask', 'soon']);
});

test('where nothing has arrived it is done soon, and once', async () => {
  const seen: string[] = [];
  nodeTimers.afterEvent(() => seen.push('first'));
  nodeTimers.afterEvent(() => seen.push('second'));
  assert.equal(seen.length, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, ['first', 'second']);
  nodeTimers.afterEvent(() => seen.push('third'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, ['first', 'second', 'third']);
});
