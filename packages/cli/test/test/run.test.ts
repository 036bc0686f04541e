import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('run-batch.ts', import.meta.url));
const SKIPPED = `import { describe, it } from 'node:test';
describe('well', () => {
  it('passes', () => {});
  it('is left out', { skip: 'no tool' }, () => {});
});
describe('all of it', { skip: 'no kernel' }, () => {
  it('is never heard of', () => {});
});
`;
const FAILING = `import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
describe('a suite', () => {
  it('is equal', () => assert.equal(3, 4));
});
test('whole', async (whole) => {
  await whole.test('part', () => { throw new Error('no answer\\nwithin a second'); });
});
`;

/** Its lines, of which the last is what was counted. */
async function linesOf(tests: string): Promise<{ readonly file: string; readonly lines: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'eterne-run-'));
  const file = join(folder, 'some.test.mjs');
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    await writeFile(file, tests);
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, file], { env });
    return { file, lines: stdout.trim().split('\n') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('what is skipped is named with its reason and counted, a whole suite as one', async () => {
  const { file, lines } = await linesOf(SKIPPED);
  assert.deepEqual(lines, [
    `skip  ${file}: is left out (no tool)`,
    `skip  ${file}: all of it (no kernel)`,
    '{"passed":1,"failed":0,"skipped":2,"failures":[]}',
  ]);
});

test('what fails is counted once, whatever it is a part of, and remembered with the first that its error says', async () => {
  const { file, lines } = await linesOf(FAILING);
  assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), {
    passed: 0,
    failed: 2,
    skipped: 0,
    failures: [
      `${file}: is equal: Expected values to be strictly equal: 3 !== 4`,
      `${file}: part: no answer`,
    ],
  });
});
