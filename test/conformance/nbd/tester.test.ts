/** The NBD project's own tester (`tests/run/nbd-tester-client.c`; `.ci/run` builds it from Debian's source package). */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { missing, serve } from './support/served.ts';

const MIB = 1024 * 1024;
/** Where `.ci/run` puts the program, and the transaction files that come with it. */
const BUILT = '/opt/nbd-tester';
const program = existsSync(BUILT) ? join(BUILT, 'nbd-tester-client') : 'nbd-tester-client';
const skip = spawnSync(program, ['--help']).error === undefined ? false : missing('nbd-tester-client');

/** It writes a line for each request: nobody reads that. Its last words tell what was wrong. */
async function run(args: readonly string[]): Promise<void> {
  const files = args.some((arg) => arg.endsWith('.tr'));
  const served = await serve(files ? 50 * MIB : 4 * MIB, '127.0.0.1:0');
  try {
    const [host = '', port = ''] = served.address.split(':');
    const child = spawn(program, ['-N', 'v0', ...args, host, port], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => (said = (said + bytes.toString('latin1')).slice(-500)));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0, said);
  } finally {
    await served.close();
  }
}

describe('NBD server and the reference tester', { skip, timeout: 600_000 }, () => {
  const cases: readonly (readonly [title: string, ...args: string[]])[] = [
    ['reads'],
    ['writes', '-w'],
    ['writes and flushes', '-w', '-f'],
    ['sends oversized requests', '-o'],
    ['tries the handshake', '-h'],
  ];
  for (const [title, ...args] of cases) it(title, () => run(args));

  const transactions = join(BUILT, 'integrity-test.tr');
  const absent = existsSync(transactions) ? false : `${transactions} is not there`;
  it('plays its transactions on a zeroed export', { skip: absent }, () => run(['-i', '-t', transactions]));
});
