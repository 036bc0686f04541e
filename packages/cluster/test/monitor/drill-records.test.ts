import assert from 'node:assert/strict';
import { existsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EterneError } from '@eterne/base';
import { DrillRecords } from '../../src/monitor/drill-records.ts';
import { makeHands } from './hands.ts';

const RECORD_BYTES = 64;

type Counted = number | EterneError;
const settled = (act: (done: (records: Counted) => void) => void): Promise<Counted> => new Promise(act);

/** So many are confirmed: the one after them is there. */
async function confirmed(file: string, records: number): Promise<void> {
  while (!existsSync(file) || statSync(file).size <= records * RECORD_BYTES) await sleep(5);
}

test('every confirmed record is found again, and one that is cut short is missed', async (context) => {
  const { world, dir } = await makeHands(context);
  const records = new DrillRecords(world, dir, 'one');
  const began = await new Promise((resolve) => records.begin(resolve));
  assert.equal(began, undefined);
  const file = join(dir, '.eterne-drill');
  await confirmed(file, 2);
  const written = await settled((done) => records.end(done));
  assert(typeof written === 'number' && written >= 2, String(written));
  assert.equal(await settled((done) => new DrillRecords(world, dir, 'one').count(done)), written);
  assert.equal(existsSync(file), false);
  const again = new DrillRecords(world, dir, 'two');
  await new Promise((resolve) => again.begin(resolve));
  await confirmed(file, 1);
  const second = await settled((done) => again.end(done));
  assert(typeof second === 'number' && second >= 1);
  truncateSync(file, second * RECORD_BYTES - 1);
  assert.equal(await settled((done) => new DrillRecords(world, dir, 'two').count(done)), second - 1);
});

test('records of another drill do not count', async (context) => {
  const { world, dir } = await makeHands(context);
  writeFileSync(join(dir, '.eterne-drill'), Buffer.alloc(10 * RECORD_BYTES));
  assert.equal(await settled((done) => new DrillRecords(world, dir, 'one').count(done)), 0);
});

test('where nothing can be written the drill hears it', async (context) => {
  const { world, dir } = await makeHands(context);
  const records = new DrillRecords(world, join(dir, 'nowhere'), 'one');
  const error = await new Promise((resolve) => records.begin(resolve));
  assert(error instanceof EterneError);
  assert.equal(await settled((done) => records.end(done)), 0);
});
