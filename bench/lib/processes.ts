/** Servers and tools of a benchmark, started and ended by pid. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Servers {
  readonly #children: ChildProcess[] = [];

  start(command: string, args: readonly string[]): ChildProcess {
    return this.add(spawn(command, [...args], { stdio: ['ignore', 'ignore', 'inherit'] }));
  }

  add(child: ChildProcess): ChildProcess {
    this.#children.push(child);
    return child;
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
