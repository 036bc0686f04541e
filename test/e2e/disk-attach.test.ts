/** A mirrored volume as a block device of this machine's kernel: a file system is made, filled, and found again on the other node. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { attached, attachMissing, removeAttached } from './support/attached.ts';
import { until } from './support/cluster-node.ts';
import { filesOf, mirrorPair, startSynced } from './support/disk-node.ts';

it(
  'is attached while primary, and gone afterwards',
  { skip: attachMissing(), timeout: 600_000 },
  async () => {
    const pair = await mirrorPair('32MiB', [], (node, folder) => ({
      ...filesOf(node, folder),
      exports: ', { attach: fuse }',
    }));
    const { a, b, folder } = pair;
    const mount = join(folder, 'mount');
    mkdirSync(mount);
    try {
      await startSynced(pair);
      const device = await attached(a);
      execFileSync('mkfs.ext4', ['-q', device]);
      execFileSync('mount', [device, mount]);
      writeFileSync(join(mount, 'letter'), 'kept on both nodes');
      execFileSync('umount', [mount]);
      assert.equal((await b.status()).attached, null);
      await a.must('demote');
      await b.must('promote');
      const other = await attached(b);
      execFileSync('mount', ['-o', 'ro', other, mount]);
      assert.equal(readFileSync(join(mount, 'letter'), 'utf8'), 'kept on both nodes');
      execFileSync('umount', [mount]);
      await b.must('demote');
      const left = (): string => execFileSync('losetup', ['--list', '--noheadings'], { encoding: 'utf8' });
      await until('no loop device is left', () => !left().includes(folder));
      await until('no mount is left', () => !readFileSync('/proc/mounts', 'utf8').includes(folder));
    } finally {
      await removeAttached(pair);
    }
  },
);
