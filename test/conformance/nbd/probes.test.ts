/** Requests that no honest client sends, by libnbd with its strict mode off. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { serve } from './support/served.ts';

const run = promisify(execFile);
/** Debian's bindings are for Debian's interpreter. */
const PYTHON = '/usr/bin/python3';
const hasBindings = spawnSync(PYTHON, ['-c', 'import nbd']).status === 0;
const PROBES = fileURLToPath(new URL('probes.py', import.meta.url));

it(
  'refuses each with the error the protocol asks for, and goes on',
  { skip: hasBindings ? false : 'python3-libnbd is not installed', timeout: 600_000 },
  async () => {
    const served = await serve(8 * 1024 * 1024, 'unix');
    try {
      const uri = `nbd+unix:///v0?socket=${served.address.slice('unix:'.length)}`;
      const { stdout } = await run(PYTHON, [PROBES, uri]);
      assert.equal(stdout, 'all refused\n');
    } finally {
      await served.close();
    }
  },
);
