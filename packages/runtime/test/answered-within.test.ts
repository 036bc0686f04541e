import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeredWithin } from '../src/answered-within.ts';

function asked(): {
  heard: string[];
  answer: (text: string) => void;
  expire: () => void;
  cancelled: () => boolean;
} {
  const heard: string[] = [];
  let expire = (): void => {};
  let isCancelled = false;
  const timers = {
    after: (_ms: number, act: () => void) => {
      expire = act;
      return { cancel: () => (isCancelled = true) };
    },
  };
  const answer = answeredWithin(
    timers,
    5,
    () => 'late',
    (text) => heard.push(text),
  );
  return { heard, answer, expire: () => expire(), cancelled: () => isCancelled };
}

test('the first answer counts, and ends the wait', () => {
  const { heard, answer, cancelled } = asked();
  answer('first');
  answer('second');
  assert.deepEqual([heard, cancelled()], [['first'], true]);
});

test('without one in time that is said, and what comes later is not heard', () => {
  const { heard, answer, expire } = asked();
  expire();
  answer('first');
  assert.deepEqual(heard, ['late']);
});
