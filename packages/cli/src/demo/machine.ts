/** One demonstration machine: a node (or witness) of the cluster as a process of its own, on loopback. */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import type { ChildHandle, ProcessExit, World } from '@eterne/runtime';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';

export const eternePath: string = join(repositoryRoot, 'eterne');

/** A node stops its groups within this. */
const STOP_TIMEOUT_MS = 20_000;

/** Runs one eterne command to its end; the output, or an error with its last line. */
export function runEterne(world: World, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    world.processes.spawn({ command: [eternePath, ...args], timeoutMs: 60_000 }, (exit) => {
      if (exit.code === 0) return resolve(exit.stdout);
      const lines = `${exit.stdout}\n${exit.stderr}`.trim().split('\n');
      reject(
        new EterneError('io', `eterne ${args[0]} ${args[1] ?? ''} failed: ${lines.at(-1) ?? 'no output'}`),
      );
    });
  });
}

export interface MachineSpec {
  readonly name: string;
  readonly kind: 'node' | 'witness';
  readonly dir: string;
  readonly address: string;
  readonly api: string;
}

export class Machine {
  readonly spec: MachineSpec;
  readonly #world: World;
  #running: { readonly handle: ChildHandle; readonly exited: Promise<ProcessExit> } | undefined;

  constructor(world: World, spec: MachineSpec) {
    this.#world = world;
    this.spec = spec;
  }

  get pid(): number | undefined {
    return this.#running?.handle.pid;
  }

  start(): void {
    let ended: (exit: ProcessExit) => void = () => {};
    const exited = new Promise<ProcessExit>((resolve) => (ended = resolve));
    const command: [string, ...string[]] = [eternePath, this.spec.kind, 'run', '--dir', this.spec.dir];
    const logPath = join(this.spec.dir, 'console.log');
    this.#running = { handle: this.#world.processes.spawn({ command, logPath }, ended), exited };
  }

  /** Everything of this machine dies at once, as when the plug is pulled. */
  async kill(): Promise<void> {
    this.#running?.handle.kill('SIGKILL');
    await this.#running?.exited;
    this.#running = undefined;
  }

  /** A clean shutdown: resolves when the last process is gone, killed if it does not end by itself. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    running.handle.kill('SIGTERM');
    const timer = this.#world.timers.after(STOP_TIMEOUT_MS, () => running.handle.kill('SIGKILL'));
    await running.exited;
    timer.cancel();
    this.#running = undefined;
  }
}
