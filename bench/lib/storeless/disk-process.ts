/** `eterne disk run` with workers that know `*.null` devices: `disk-process.ts CONFIG`. */
import { fileURLToPath } from 'node:url';
import { EterneError, assert } from '@eterne/base';
import { loadDiskConfig, type DiskConfig } from '@eterne/disk/process/config.ts';
import { runDiskProcess } from '@eterne/disk/process/run.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';

const [, , configPath] = process.argv;
assert(configPath !== undefined, 'usage: disk-process.ts CONFIG');
const world = createNodeWorld('disk');
const config = await new Promise<DiskConfig>((resolve, reject) => {
  loadDiskConfig(world, configPath, (result) =>
    result instanceof EterneError ? reject(result) : resolve(result),
  );
});
const workerModule = fileURLToPath(new URL('volume-worker.ts', import.meta.url));
await runDiskProcess(world, { ...config, tls: undefined, arbiter: 'local', workerModule });
process.exit(0);
