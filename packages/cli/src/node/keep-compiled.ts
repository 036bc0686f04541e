import { flushCompileCache } from 'node:module';
import type { Timers } from '@eterne/runtime';

/** A process of a node may be killed at any moment, and its successor starts faster and smaller from what was compiled before: once early, once whole. */
const FLUSH_MS = [1000, 10_000];

export function keepCompiled(timers: Timers): void {
  for (const delayMs of FLUSH_MS) timers.after(delayMs, flushCompileCache);
}
