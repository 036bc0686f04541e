import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { SharedDisk } from '../src/shared-disk.ts';
import { apartSharedDisks } from '../src/node/apart-disk.ts';

const folder = mkdtempSync(join(import.meta.dirname, '.apart-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'disk');

const open = (name: string): Promise<SharedDisk | EterneError> =>
  new Promise((resolve) => apartSharedDisks.open(name, resolve));
const read = (disk: SharedDisk, at: number, length: number): Promise<Buffer | EterneError> =>
  new Promise((resolve) => disk.read(at, length, resolve));
const write = (disk: SharedDisk, at: number, from: Buffer): Promise<EterneError | undefined> =>
  new Promise((resolve) => disk.write(at, from, resolve));

test('what one process wrote another reads; what fails is told', async () => {
  writeFileSync(path, '');
  truncateSync(path, 1024 * 1024);
  const [one, other] = [await open(path), await open(path)];
  assert.ok(!(one instanceof EterneError) && !(other instanceof EterneError));
  const sector = Buffer.alloc(4096, 5);
  assert.equal(await write(one, 8192, sector), undefined);
  assert.deepEqual(await read(other, 8192, 4096), sector);
  const beyond = await read(other, 1024 * 1024, 4096);
  assert.ok(beyond instanceof EterneError && /too short/.test(beyond.message));
  const pending = read(one, 0, 4096);
  one.close();
  const answer = await pending;
  assert.ok(answer instanceof EterneError || answer.length === 4096, 'answered whatever happens');
  const afterwards = await read(one, 0, 4096);
  assert.ok(afterwards instanceof EterneError && /has ended/.test(afterwards.message));
  other.close();
});

test('what cannot be opened', async () => {
  const missing = await open(join(folder, 'nothing'));
  assert.ok(missing instanceof EterneError);
  assert.equal(missing.code, 'not-found');
});
