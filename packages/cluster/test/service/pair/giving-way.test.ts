/** A half that gives way stops what it runs first, and is not given up under what cannot be stopped. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { GivingWay, mustGiveWay } from '../../../src/service/pair/giving-way.ts';
import type { TieView } from '../../../src/service/view.ts';
import { VirtualTime } from '../virtual-time.ts';

const half = (node: string) => ({ id: `h-${node}`, node, groups: 0, atMs: 0, knowsAll: true });

function seen(survivor: 'mine' | 'theirs', mine = true): TieView {
  const parted = { mine: mine ? half('n2') : undefined, theirs: half('n1'), survivor };
  return {
    kind: 'solo',
    votes: true,
    trouble: undefined,
    held: undefined,
    solo: { half: undefined, parted },
  };
}

function trial(tie: TieView | undefined) {
  const time = new VirtualTime();
  const done: string[] = [];
  const now = { hasLetGo: false, fails: false };
  const parts = {
    world: { timers: time, log: () => {} },
    tie: () => tie,
    leave: (_timeoutMs: number, left: () => void) => {
      done.push('leave');
      time.after(900, left);
    },
    hasLetGo: () => now.hasLetGo,
    giveWay: (given: (error: EterneError | undefined) => void) => {
      done.push('give way');
      given(now.fails ? new EterneError('io', 'the disk is full') : undefined);
    },
    restart: () => void done.push('restart'),
  };
  new GivingWay(parts);
  return { time, done, now };
}

test('what runs is stopped, then the log is to be put back, then the service begins anew', () => {
  const { time, done, now } = trial(seen('theirs'));
  now.hasLetGo = true;
  time.run(1600);
  assert.deepEqual(done, ['leave', 'give way', 'restart']);
});

test('what cannot be stopped, or written down, is tried again', () => {
  const { time, done, now } = trial(seen('theirs'));
  time.run(1450);
  assert.deepEqual(done, ['leave']);
  Object.assign(now, { hasLetGo: true, fails: true });
  time.run(1000);
  assert.deepEqual(done, ['leave', 'leave', 'give way']);
});

test('who stays, or was never alone, gives nothing up', () => {
  for (const tie of [undefined, seen('mine'), seen('theirs', false)]) {
    assert.equal(mustGiveWay(tie), false);
    const { time, done } = trial(tie);
    time.run(5000);
    assert.deepEqual(done, []);
  }
});
