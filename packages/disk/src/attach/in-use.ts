import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { readText } from './read-text.ts';

/** A block device that is mounted, or under another device, itself or a partition of it, by proc_mounts(5). Other openers cannot be seen. */
export function isInUse(files: Files, path: string, done: (isUsed: boolean) => void): void {
  readText(files, '/proc/self/mounts', (text = '') => {
    const devices = text.split('\n').map((line) => line.split(' ')[0] ?? '');
    if (devices.some((device) => device === path || isPartition(device, path))) return done(true);
    files.list(`/sys/block/${path.slice('/dev/'.length)}/holders`, (holders) =>
      done(!(holders instanceof EterneError) && holders.length > 0),
    );
  });
}

/** `/dev/nbd0p1` of `/dev/nbd0`, `/dev/sda1` of `/dev/sda`. */
function isPartition(device: string, path: string): boolean {
  return device.startsWith(path) && /^p?\d+$/.test(device.slice(path.length));
}
