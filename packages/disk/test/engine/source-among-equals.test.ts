/** Of two replicas that are equal by name, who has restarted and may lack writes is copied to: also when the meeting that found it out is cut short. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pair } from './support/pair.ts';

test('a peer that lost power gets all that was acknowledged, whenever its primary crashes at their next meeting', () => {
  let cutShort = 0;
  for (let steps = 0, isCopied = false; !isCopied; steps += 3) {
    const pair = new Pair({ config: { onPeerLost: 'freeze' }, diskDelayMs: () => 0.3 }).startMirror();
    const { a, b } = pair;
    // No flush covers it.
    pair.write(a, 0, 1);
    b.kill(true);
    b.start();
    let left = steps;
    pair.scheduler.runUntil(() => left-- <= 0);
    isCopied = b.volume.status().disk === 'Inconsistent';
    a.kill();
    a.start();
    pair.until(() => pair.isEqual(), 30_000);
    if (b.logs.some((line) => line.includes('connected with a: a crashed as primary'))) cutShort += 1;
    assert.deepEqual([a.data.content[0], b.data.content[0]], [1, 1], `after ${steps} steps`);
  }
  assert.ok(cutShort > 3, `it was cut short ${cutShort} times`);
});
