import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('begins-anew.ts', import.meta.url));

/** What the program prints, and the pid that it was started with. */
async function run(
  env: NodeJS.ProcessEnv,
  wrapper: readonly string[] = [],
): Promise<{ readonly printed: string; readonly pid: number }> {
  const [command, ...args] = [...wrapper, process.execPath, PROGRAM];
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0);
  return { printed, pid: child.pid ?? 0 };
}

test('who compiles a program first runs it without the compiler, as the same process; the next one begins at once', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'eterne-compiled-'));
  const { NODE_COMPILE_CACHE: _, NODE_OPTIONS: __, ...env } = process.env;
  try {
    for (const hasBegunAnew of [true, false]) {
      const { printed, pid } = await run({ ...env, NODE_COMPILE_CACHE: cache });
      assert.deepEqual(JSON.parse(printed), { pid, hasCompiler: false, hasBegunAnew });
    }
    const { printed, pid } = await run(env);
    assert.deepEqual(JSON.parse(printed), { pid, hasCompiler: true, hasBegunAnew: false });
  } finally {
    await rm(cache, { recursive: true });
  }
});

const skip = process.getuid?.() === 0 ? false : 'root makes a medium that is only read';
test('on a medium that is only read a program begins at once, compiled anew', { skip }, async () => {
  const cache = await mkdtemp(join(tmpdir(), 'eterne-compiled-'));
  const { NODE_COMPILE_CACHE: _, NODE_OPTIONS: __, ...env } = process.env;
  const readOnly = [
    'unshare',
    '-m',
    'sh',
    '-c',
    `mount --bind ${cache} ${cache} && mount -o remount,ro,bind ${cache} && exec "$@"`,
    'sh',
  ];
  try {
    const { printed, pid } = await run({ ...env, NODE_COMPILE_CACHE: cache }, readOnly);
    assert.deepEqual(JSON.parse(printed), { pid, hasCompiler: true, hasBegunAnew: false });
  } finally {
    await rm(cache, { recursive: true });
  }
});
