import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds `eterne`, `packages/` and `node_modules/`. */
export const repositoryRoot: string = fileURLToPath(new URL('../../../../', import.meta.url)).replace(
  /\/$/,
  '',
);

/** Absolute paths of all files below `folder` (from the root) whose name ends with `ending`, sorted. */
export function findFiles(folder: string, ending: string): readonly string[] {
  const base = join(repositoryRoot, folder);
  if (!existsSync(base)) return [];
  return globSync(`**/*${ending}`, {
    cwd: base,
    exclude: (name) => name === 'node_modules' || name === 'dist',
  })
    .map((name) => join(base, name))
    .sort();
}
