import { readdirSync, readFileSync } from 'node:fs';

/** Pids of everything on this machine whose environment, or command line, holds these words. Both end each word by a NUL. */
export function processesWith(file: 'environ' | 'cmdline', words: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(words);
    } catch {
      return false; // it ended while we looked
    }
  });
}
