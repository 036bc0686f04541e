/** The units in packaging/systemd, read by systemd's own checker. Whether systemd then runs them as meant is not shown here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';

const CHECKER = '/usr/bin/systemd-analyze';
const UNITS = join(repositoryRoot, 'packaging/systemd');

test('systemd accepts every unit', { skip: existsSync(CHECKER) ? false : `needs ${CHECKER}` }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-units-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const units = readdirSync(UNITS).map((name) => {
    const path = join(folder, name.replace('@', '@office'));
    const text = readFileSync(join(UNITS, name), 'utf8').replaceAll('/opt/eterne', repositoryRoot);
    writeFileSync(path, text);
    return path;
  });
  assert.equal(units.length, 4);
  const { status, stderr } = spawnSync(CHECKER, ['verify', '--man=no', ...units], { encoding: 'utf8' });
  const complaints = stderr.split('\n').filter((line) => line.includes('eterne-'));
  assert.deepEqual(complaints, [], stderr);
  assert.equal(status, 0, stderr);
});
