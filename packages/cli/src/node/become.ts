/**
 * Replaces this process (same pid, same parent) by one of the node's own programs, without the command line's libraries: a node
 * consists of many processes that live long.
 */
import { fileURLToPath } from 'node:url';
import { assert } from '@eterne/base';

/** Fewer V8 helper threads and a small young generation: 32 nodes on one machine fit into memory. */
export const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--v8-pool-size=1',
  '--max-semi-space-size=2',
];
/** Of those that carry no data, as the disk daemon's workers do: memory before speed, and collections without a thread of their own. */
const SMALL_FLAGS = ['--optimize-for-size', '--single-threaded'];

export type Program = 'launcher' | 'witness' | 'service' | 'monitor' | 'heart' | 'disk';

export function commandOf(program: Program, args: readonly string[]): [string, ...string[]] {
  const main = fileURLToPath(new URL(`./daemons/${program}.ts`, import.meta.url));
  return [process.execPath, ...NODE_FLAGS, ...SMALL_FLAGS, main, ...args];
}

export function become(program: Program, args: readonly string[]): never {
  assert(process.execve !== undefined, 'the pinned Node.js can replace its process');
  return process.execve(process.execPath, commandOf(program, args), process.env);
}
