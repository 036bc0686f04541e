/** Servers and tools of a benchmark, started and ended by pid. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** proc(5): user and system time in hundredths of a second, resident pages. */
function addUsage(pid: number, total: { cpuSeconds: number; rssBytes: number }): void {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    total.cpuSeconds += (Number(fields[11]) + Number(fields[12])) / 100;
    total.rssBytes += Number(fields[21]) * 4096;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
      for (const child of children === '' ? [] : children.split(' ')) addUsage(Number(child), total);
    }
  } catch (error) {
    // It has ended meanwhile.
    if (
      (error as NodeJS.ErrnoException).code !== 'ENOENT' &&
      (error as NodeJS.ErrnoException).code !== 'ESRCH'
    )
      throw error;
  }
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
    const total = { cpuSeconds: 0, rssBytes: 0 };
    for (const { pid } of this.#children) if (pid !== undefined) addUsage(pid, total);
    return total;
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
