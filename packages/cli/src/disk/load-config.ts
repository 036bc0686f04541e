import { EterneError } from '@eterne/base';
import { loadDiskConfig, type DiskConfig } from '@eterne/disk/process/config.ts';
import type { World } from '@eterne/runtime';

/** The configuration of a disk process. Errors: `config`, with file, line and key. */
export function loadConfig(world: Pick<World, 'files'>, path: string): Promise<DiskConfig> {
  return new Promise((resolve, reject) => {
    loadDiskConfig(world, path, (result) =>
      result instanceof EterneError ? reject(result) : resolve(result),
    );
  });
}
