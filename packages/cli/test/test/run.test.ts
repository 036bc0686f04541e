import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('run-batch.ts', import.meta.url));
const TESTS = `import { describe, it } from 'node:test';
describe('well', () => {
  it('passes', () => {});
  it('is left out', { skip: 'no tool' }, () => {});
});
describe('all of it', { skip: 'no kernel' }, () => {
  it('is never heard of', () => {});
});
`;

test('what is skipped is named with its reason and counted, a whole suite as one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'eterne-run-'));
  const file = join(folder, 'some.test.mjs');
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    await writeFile(file, TESTS);
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, file], { env });
    assert.deepEqual(stdout.trim().split('\n'), [
      `skip  ${file}: is left out (no tool)`,
      `skip  ${file}: all of it (no kernel)`,
      '{"passed":1,"failed":0,"skipped":2}',
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
