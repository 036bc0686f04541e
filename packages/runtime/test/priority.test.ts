import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const MODULE = new URL('../src/node/priority.ts', import.meta.url).href;
const PROGRAM = `
  const { raisePriority } = await import('${MODULE}');
  raisePriority();
  const fs = await import('node:fs');
  const os = await import('node:os');
  const group = fs.readFileSync('/proc/self/autogroup', 'utf8').trim();
  console.log(JSON.stringify({ nice: os.getPriority(), group }));
`;

/** What a program that raises its priority then has, in a session of its own or in ours. */
async function raised(ownSession: boolean): Promise<{ readonly nice: number; readonly group: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    detached: ownSession,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout)) as { readonly nice: number; readonly group: string };
}

const cannot =
  process.getuid?.() !== 0
    ? 'needs root'
    : !existsSync('/proc/self/autogroup') && 'this kernel has no autogroups';

test(
  'an urgent program is urgent among all sessions, if it has one to itself',
  { skip: cannot },
  async () => {
    const own = await raised(true);
    assert.equal(own.nice, -15);
    assert.match(own.group, /nice -15$/);
    const shared = await raised(false);
    assert.equal(shared.nice, -15);
    assert.doesNotMatch(shared.group, /nice -15$/);
  },
);
