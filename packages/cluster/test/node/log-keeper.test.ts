import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { KEPT_BYTES, LOG_BYTES_MAX, LogKeeper } from '../../src/node/log-keeper.ts';

const folder = mkdtempSync(join(tmpdir(), 'eterne-logs-'));
const path = (name: string): string => join(folder, name);
const keeper = new LogKeeper(createNodeWorld('test'), folder);

after(() => {
  keeper.close();
  rmSync(folder, { recursive: true });
});

test('a long log keeps its newest lines aside and begins anew; others are left alone', async () => {
  const line = `${'x'.repeat(1023)}\n`;
  writeFileSync(path('long.log'), line.repeat(LOG_BYTES_MAX / line.length));
  appendFileSync(path('long.log'), 'the last line\n');
  writeFileSync(path('short.log'), line);
  await new Promise<void>((resolve) => keeper.look(resolve));
  assert.equal(statSync(path('long.log')).size, 0);
  const kept = readFileSync(path('long.log.1'), 'utf8');
  assert.ok(kept.length <= KEPT_BYTES && kept.length > KEPT_BYTES - line.length);
  assert.ok(kept.startsWith('x'.repeat(1023)) && kept.endsWith('\nthe last line\n'), 'whole lines');
  assert.equal(readFileSync(path('short.log'), 'utf8'), line);
});
