/** Mirrored volumes as block devices of this machine's kernel, by FUSE and a loop device. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { until } from './cluster-node.ts';
import type { DiskNode, MirrorPair } from './disk-node.ts';

/** Why this cannot run here; false when it can. */
export function attachMissing(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/fuse') || !existsSync('/dev/loop-control')) return 'needs FUSE and loop devices';
  const absent = ['nbdfuse', 'losetup', 'mkfs.ext4'].find((tool) => spawnSync('which', [tool]).status !== 0);
  return absent === undefined ? false : `${absent} is not installed`;
}

/** Path of the device, once it is there. */
export async function attached(node: DiskNode): Promise<string> {
  let path: string | null = null;
  await until(`${node.name} has attached its volume`, async () => {
    ({ attached: path } = await node.status());
    return path !== null;
  });
  assert.ok(path !== null);
  return path;
}

/** What a test that failed half-way has mounted would hide its failure: the folder could not be removed. */
export async function removeAttached(pair: MirrorPair): Promise<void> {
  await Promise.all([pair.a.kill(), pair.b.kill()]);
  for (const row of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [, place = ''] = row.split(' ');
    if (place.startsWith(`${pair.folder}/`)) spawnSync('umount', ['--lazy', place]);
  }
  await pair.remove();
}
