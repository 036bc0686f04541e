/** The README's first command, as a newcomer runs it; and that it leaves nothing behind. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';

const eterne = join(repositoryRoot, 'eterne');

interface Verdict {
  readonly acknowledged: number;
  readonly lost: number;
  readonly outageMs: number;
  readonly replicasIdentical: boolean;
}

/** Command lines of living processes that name `folder`. */
function processesNaming(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(folder));
}

test('eterne demo --auto loses nothing and leaves nothing', { timeout: 600_000 }, () => {
  const temporary = mkdtempSync(join(tmpdir(), 'eterne-test-demo-'));
  try {
    const environment = { ...process.env, TMPDIR: temporary, HOME: join(temporary, 'home') };
    const run = spawnSync(eterne, ['demo', '--auto'], {
      encoding: 'utf8',
      env: environment,
      timeout: 600_000,
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const verdict = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '') as Verdict;
    assert.ok(verdict.acknowledged > 100);
    assert.equal(verdict.lost, 0);
    assert.equal(verdict.replicasIdentical, true);
    assert.ok(verdict.outageMs > 0 && verdict.outageMs < 15_000, `outage ${verdict.outageMs} ms`);
    assert.deepEqual(
      readdirSync(temporary).filter((name) => name.startsWith('eterne')),
      [],
    );
    assert.deepEqual(processesNaming(temporary), []);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});

test('eterne demo runs until eterne demo stop', { timeout: 600_000 }, async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'eterne-test-demo-'));
  try {
    const environment = { ...process.env, TMPDIR: temporary };
    const demo = spawn(eterne, ['demo'], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = new Promise<number | null>((resolve) => demo.once('exit', resolve));
    let output = '';
    await new Promise<void>((resolve, reject) => {
      demo.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('Ctrl-C')) resolve();
      });
      demo.once('exit', () => reject(new Error(output)));
    });
    assert.match(output, /Console +https:\/\/127\.0\.0\.1:\d+\//);
    assert.match(output, /Log-in +admin \/ \S+/);
    const stop = spawnSync(eterne, ['demo', 'stop'], {
      encoding: 'utf8',
      env: environment,
      timeout: 600_000,
    });
    assert.equal(stop.status, 0, stop.stderr);
    assert.equal(await exited, 0);
    assert.deepEqual(
      readdirSync(temporary).filter((name) => name.startsWith('eterne')),
      [],
    );
    assert.deepEqual(processesNaming(temporary), []);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});
