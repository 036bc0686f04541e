/** `eterne target run`: reads the configuration, serves, and stays until SIGTERM. */
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { World } from '@eterne/runtime';
import { parseTargetConfig } from '@eterne/target/config.ts';
import { startTarget } from '@eterne/target/run.ts';

export async function runTarget(configPath: string): Promise<void> {
  const world = createNodeWorld('target');
  const config = parseTargetConfig(await readText(world, configPath), configPath);
  const target = await start(world, config);
  process.stdout.write(`the target is ready: portals ${target.addresses.join(', ')}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await target.close();
  process.exit(0);
}

function readText(world: World, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    world.files.readFile(path, (content) => {
      if (content instanceof EterneError) return reject(content);
      if (content === undefined) return reject(new EterneError('config', `${path} does not exist`));
      resolve(content.toString('utf8'));
    });
  });
}

/** What keeps a target from starting is, to whoever started it, a wrong configuration: exit code 2. */
async function start(...args: Parameters<typeof startTarget>): ReturnType<typeof startTarget> {
  try {
    return await startTarget(...args);
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    throw new EterneError('config', error.message, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
