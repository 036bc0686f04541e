import { EterneError } from '@eterne/base';
import { lockPath, runFolder } from '@eterne/cluster/node/layout.ts';
import { settle } from '@eterne/cluster/pki/settle.ts';
import type { Files } from '@eterne/runtime';
import { acquireProcessLock } from '@eterne/runtime/node/lock.ts';

/** From here until this process ends nobody else runs or changes what is in `dir`. Throws `busy` with `taken` where somebody does. */
export async function holdFolder(
  files: Pick<Files, 'makeFolder'>,
  dir: string,
  taken: string,
  hint?: string,
): Promise<void> {
  await settle((done) => files.makeFolder(runFolder(dir), (error) => done(error)));
  if (acquireProcessLock(lockPath(dir)) === undefined)
    throw new EterneError('busy', taken, hint === undefined ? {} : { hint });
}
