import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { nodeFileSystems } from '../src/node/file-systems.ts';

const room = (path: string): Promise<string | EterneError> =>
  new Promise((resolve) => nodeFileSystems.room(path, resolve));

test('the room of a file system is told as stat tells it', async () => {
  assert.match(String(await room('/')), /^\d+ \d+ \d+ \d+ \d+$/);
});

test('where there is none, the error is told', async () => {
  const said = await room('/nowhere/at/all');
  assert(said instanceof EterneError);
  assert.equal(said.code, 'not-found');
});
