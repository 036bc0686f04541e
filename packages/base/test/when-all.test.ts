import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whenAll } from '../src/when-all.ts';

test('it is done when the last one is, in whatever order they end, also at once', () => {
  const open: (() => void)[] = [];
  let done = 0;
  whenAll(
    [1, 2, 3],
    (item, ended) => (item === 2 ? ended() : void open.push(ended)),
    () => (done += 1),
  );
  open.pop()?.();
  assert.equal(done, 0);
  open.pop()?.();
  assert.equal(done, 1);
});

test('of none, and of some that all end at once, it is done at once', () => {
  let done = 0;
  for (const items of [[], [1, 2]])
    whenAll(
      items,
      (_item, ended) => ended(),
      () => (done += 1),
    );
  assert.equal(done, 2);
});
