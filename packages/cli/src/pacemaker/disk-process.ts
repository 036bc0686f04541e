/** The disk process of one agent instance: started in the background, found again by the file beside its control socket. */
import { EterneError } from '@eterne/base';
import type { DiskConfig } from '@eterne/disk/process/config.ts';
import type { World } from '@eterne/runtime';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { join } from 'node:path';

const POLL_MS = 100;
/** Of the time that a stop has, what is left to the orderly end; then SIGKILL. */
const ORDERLY_SHARE = 0.7;

export class DiskProcess {
  readonly #world: World;
  readonly #configPath: string;
  readonly #pidPath: string;
  readonly #logPath: string;

  constructor(world: World, configPath: string, config: DiskConfig) {
    this.#world = world;
    this.#configPath = configPath;
    this.#pidPath = `${config.controlPath}.pid`;
    this.#logPath = `${config.controlPath}.log`;
  }

  get logPath(): string {
    return this.#logPath;
  }

  async isAlive(): Promise<boolean> {
    const known = await this.#known();
    return known !== undefined && this.#world.processes.alive(known.pid, known.startTime);
  }

  /** It outlives the agent. */
  async start(): Promise<void> {
    const command = [join(repositoryRoot, 'eterne'), 'disk', 'run', '--config', this.#configPath] as const;
    const child = this.#world.processes.spawn(
      { command, directory: '/', detached: true, logPath: this.#logPath },
      () => {},
    );
    if (child.pid === undefined || child.startTime === undefined)
      throw new EterneError('io', `${command[0]} cannot be started`);
    await this.#write(`${child.pid} ${child.startTime}\n`);
  }

  /** True when it has ended. */
  async stop(timeoutMs: number): Promise<boolean> {
    const known = await this.#known();
    if (known === undefined) return true;
    const { clock, processes } = this.#world;
    const beganMs = clock.bootMs();
    processes.killGroup(known.pid, 'SIGTERM');
    let isKilled = false;
    while (processes.alive(known.pid, known.startTime)) {
      const elapsedMs = clock.bootMs() - beganMs;
      if (elapsedMs > timeoutMs) return false;
      if (!isKilled && elapsedMs > timeoutMs * ORDERLY_SHARE) {
        processes.killGroup(known.pid, 'SIGKILL');
        isKilled = true;
      }
      await this.pause();
    }
    return true;
  }

  pause(): Promise<void> {
    return new Promise((resolve) => void this.#world.timers.after(POLL_MS, resolve));
  }

  async #known(): Promise<{ readonly pid: number; readonly startTime: string } | undefined> {
    const text = await new Promise<string>((resolve) => {
      this.#world.files.readFile(this.#pidPath, (content) =>
        resolve(content instanceof EterneError || content === undefined ? '' : content.toString('utf8')),
      );
    });
    const [, pid, startTime] = /^(\d+) (\d+)\n$/.exec(text) ?? [];
    return pid === undefined || startTime === undefined ? undefined : { pid: Number(pid), startTime };
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#world.files.writeFileAtomic(this.#pidPath, Buffer.from(text), 0o600, (error) =>
        error === undefined ? resolve() : reject(error),
      );
    });
  }
}
