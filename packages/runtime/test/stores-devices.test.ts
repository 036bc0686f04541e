/** Real block devices: loop devices, where this machine lets us make them. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockStore } from '../src/index.ts';
import { nodeStores } from '../src/node/stores.ts';

const SIZE_BYTES = 16 * 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'eterne-loop-'));
const image = join(folder, 'disk.img');
writeFileSync(image, '');
truncateSync(image, SIZE_BYTES);
const made = spawnSync('losetup', ['-f', '--show', image], { encoding: 'utf8' });
const device = made.status === 0 ? made.stdout.trim() : undefined;

after(() => {
  if (device !== undefined) execFileSync('losetup', ['-d', device]);
  rmSync(folder, { recursive: true });
});

const open = (): Promise<BlockStore | EterneError> =>
  new Promise((resolve) => nodeStores.open(device ?? '', {}, resolve));

async function refused(): Promise<void> {
  const result = await open();
  assert.ok(result instanceof EterneError, 'it must be refused');
  assert.equal(result.code, 'busy');
}

describe('a block device', { skip: device === undefined && 'needs root and loop devices' }, () => {
  const mountPoint = join(folder, 'mnt');
  before(() => {
    mkdirSync(mountPoint);
    execFileSync('mkfs.ext4', ['-q', device ?? '']);
  });

  test('is opened by one user at a time, with its real size', async () => {
    const store = await open();
    assert.ok(!(store instanceof EterneError));
    assert.equal(store.sizeBytes, SIZE_BYTES);
    await refused();
    await new Promise<void>((resolve) => store.close(resolve));
    const again = await open();
    assert.ok(!(again instanceof EterneError), 'free again');
    await new Promise<void>((resolve) => again.close(resolve));
  });

  test('that was enlarged shows its new end when it is asked for', async () => {
    const store = await open();
    assert.ok(!(store instanceof EterneError));
    const grow = (): Promise<unknown> => new Promise((resolve) => store.grow?.(2 * SIZE_BYTES, resolve));
    assert.match(String(((await grow()) as { errno?: string } | undefined)?.errno), /ENOSPC/);
    truncateSync(image, 2 * SIZE_BYTES);
    execFileSync('losetup', ['-c', device ?? '']);
    assert.equal(await grow(), undefined);
    assert.equal(store.sizeBytes, 2 * SIZE_BYTES);
    await new Promise<void>((resolve) => store.close(resolve));
  });

  test('that is mounted is refused', async () => {
    execFileSync('mount', [device ?? '', mountPoint]);
    try {
      await refused();
    } finally {
      execFileSync('umount', [mountPoint]);
    }
  });
});
