import * as fs from 'node:fs';
import type { ProcessTrees } from '../ports.ts';
import { readStat } from './processes.ts';

/** Does the environment that the process was started with hold `mark`? False for zombies, kernel threads and what we may not look at. */
function isMarked(pid: number, mark: Buffer): boolean {
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

/** Pid → kernel start time. */
type Family = Map<number, string | undefined>;

/**
 * What was killed as the child of a marked process and does not show the mark itself, and may not be gone yet: a program that writes its title over its
 * environment (every session of PostgreSQL), or was started with another one. Once its parent is dead nothing else tells whose it was.
 */
const dying = new Map<string, Family>();

/** Those, and the living children of them all. */
function withDescendants(roots: Family, pids: readonly number[]): Family {
  const family = new Map(roots);
  const stats = new Map(pids.map((pid) => [pid, readStat(pid)]));
  for (let found = true; found;) {
    found = false;
    for (const [pid, stat] of stats) {
      if (stat === undefined || stat.isZombie || family.has(pid) || !family.has(stat.parent)) continue;
      family.set(pid, stat.startTime);
      found = true;
    }
  }
  return family;
}

function livingOf(family: Family | undefined): Family {
  return new Map(
    [...(family ?? [])].filter(([pid, startTime]) => {
      const stat = readStat(pid);
      return stat?.isZombie === false && stat.startTime === startTime;
    }),
  );
}

export const nodeProcessTrees: ProcessTrees = {
  killMarked(mark) {
    const entry = Buffer.from(`${mark}\0`);
    const pids = fs
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
    const marked = pids.filter((pid) => isMarked(pid, entry));
    const roots = livingOf(dying.get(mark));
    for (const pid of marked) roots.set(pid, readStat(pid)?.startTime);
    dying.delete(mark);
    if (roots.size === 0) return 0;
    const family = withDescendants(roots, pids);
    const killed = [...family].filter(([pid]) => kill(pid));
    const hidden = killed.filter(([pid]) => !marked.includes(pid));
    if (hidden.length > 0) dying.set(mark, new Map(hidden));
    return killed.length;
  },
};
