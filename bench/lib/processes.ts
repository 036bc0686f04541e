/** Servers and tools of a benchmark, started and ended by pid. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Of a process and its descendants that live. */
export function familyOf(pid: number): readonly number[] {
  const ofTask = (task: string): readonly number[] => {
    const children = readIfAlive(`/proc/${pid}/task/${task}/children`).trim();
    return children === '' ? [] : children.split(' ').map(Number);
  };
  try {
    return [pid, ...readdirSync(`/proc/${pid}/task`).flatMap(ofTask).flatMap(familyOf)];
  } catch (error) {
    return absent(error, []);
  }
}

/** proc(5): user and system time in hundredths of a second, resident pages. */
export function usageOf(pids: readonly number[]): Usage {
  const total = { cpuSeconds: 0, rssBytes: 0 };
  for (const pid of pids) {
    const stat = readIfAlive(`/proc/${pid}/stat`);
    if (stat === '') continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    total.cpuSeconds += (Number(fields[11]) + Number(fields[12])) / 100;
    total.rssBytes += Number(fields[21]) * 4096;
  }
  return total;
}

/** Proportional set size: what processes share counts in parts. */
export function pssBytesOf(pids: readonly number[]): number {
  const kib = pids.map(
    (pid) => /^Pss:\s+(\d+) kB$/m.exec(readIfAlive(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0,
  );
  return kib.reduce((sum: number, value) => sum + Number(value) * 1024, 0);
}

/** Most that was ever resident of a process that lives, and of its children. */
export function peakRssBytesOf(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readIfAlive(`/proc/${pid}/status`))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has ended`);
  const children = readIfAlive(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((child) => child !== '');
  return children.reduce((sum, child) => sum + peakRssBytesOf(Number(child)), Number(kib) * 1024);
}

/** Empty when the process has ended meanwhile. */
export function readIfAlive(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return absent(error, '');
  }
}

function absent<Value>(error: unknown, instead: Value): Value {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ESRCH') return instead;
  throw error;
}

export class Servers {
  readonly #children: ChildProcess[] = [];

  start(command: string, args: readonly string[]): ChildProcess {
    return this.add(spawn(command, [...args], { stdio: ['ignore', 'ignore', 'inherit'] }));
  }

  add(child: ChildProcess): ChildProcess {
    this.#children.push(child);
    return child;
  }

  /** Of everything started and its descendants that live. */
  usage(): Usage {
    return usageOf(this.#children.flatMap(({ pid }) => (pid === undefined ? [] : familyOf(pid))));
  }

  async stop(): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null && child.signalCode === null);
    const gone = running.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of running) child.kill('SIGTERM');
    const timer = setTimeout(() => running.forEach((child) => child.kill('SIGKILL')), 5000);
    await Promise.all(gone);
    clearTimeout(timer);
  }
}

export async function waitForFile(path: string): Promise<void> {
  for (let tries = 0; !existsSync(path); tries += 1) {
    if (tries > 500) throw new Error(`${path} did not appear`);
    await sleep(20);
  }
}

export function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
