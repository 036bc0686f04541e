import * as fs from 'node:fs';
import type { ProcessTrees } from '../ports.ts';

/** Does the environment that the process was started with hold `mark`? False for zombies, kernel threads and what we may not look at. */
function isMarked(pid: string, mark: Buffer): boolean {
  let environment: Buffer;
  try {
    environment = fs.readFileSync(`/proc/${pid}/environ`);
  } catch {
    return false;
  }
  const at = environment.indexOf(mark);
  return at === 0 || (at > 0 && environment[at - 1] === 0);
}

/** SIGKILL to this process alone; false when it is gone. */
export function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false; // gone between look and kill
  }
}

export const nodeProcessTrees: ProcessTrees = {
  killMarked(mark) {
    const entry = Buffer.from(`${mark}\0`);
    const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => isMarked(pid, entry) && kill(Number(pid))).length;
  },
};
