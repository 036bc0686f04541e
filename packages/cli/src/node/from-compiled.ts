/**
 * Who has compiled a program from its source keeps the compiler, some 20 MiB, as long as it lives, and a node's processes live for months. So the first that
 * runs a program keeps what it has compiled (`keep-compiled.ts`), and begins anew with that before it has done anything: as the same process, with the same
 * pid and parent.
 */
import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { assert } from '@eterne/base';
import { isWritable } from '@eterne/runtime/node/file-systems.ts';

/** `PID TIMES`: the process that has begun anew, and how often. What it starts inherits the variable, and has another pid. */
const BEGUN_ANEW = 'ETERNE_BEGUN_ANEW';
/** Processes that begin together may find what the others are just writing. */
const TIMES_MAX = 3;

/** Resolves when the program may begin. `loadLater`: loads what it will load by itself later on. */
export async function fromCompiled(loadLater: () => Promise<unknown> = async () => {}): Promise<void> {
  const times = timesBegunAnew();
  const cache = getCompileCacheDir();
  if (!hasCompiler() || times >= TIMES_MAX || cache === undefined || !isWritable(cache)) return;
  await loadLater();
  flushCompileCache();
  assert(process.execve !== undefined, 'the pinned Node.js can replace its process');
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, args, { ...process.env, [BEGUN_ANEW]: `${process.pid} ${times + 1}` });
}

function timesBegunAnew(): number {
  const [pid, times] = (process.env[BEGUN_ANEW] ?? '').split(' ').map(Number);
  return pid === process.pid ? (times ?? 0) : 0;
}

/** Node.js loads it for the first file that it finds no compiled code of. */
export function hasCompiler(): boolean {
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] };
  return moduleLoadList.some((name) => name.includes('deps/amaro'));
}
