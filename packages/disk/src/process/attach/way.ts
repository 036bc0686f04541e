/** One way to make a block device of an export. */
import { SYSTEM_PATH, type World } from '@eterne/runtime';

export type AttachWorld = Pick<World, 'network' | 'timers' | 'clock' | 'log' | 'processes' | 'files'>;

export interface Running {
  /** At once, whoever uses the device. `ended` is not called any more. */
  end(): void;
}

export interface AttachWay {
  /** Takes away what an earlier term or life left; `failure` says what is still there. */
  clear(done: (failure: string | undefined) => void): void;
  /** `attached`: the device's path. `ended`: it is over without having been asked to, also when it could not begin. */
  begin(attached: (path: string) => void, ended: (reason: string) => void): Running;
}

/** A try at a device, which lives as long as a process: that ends with the try, and the try with it. */
export class Attempt implements Running {
  readonly #world: AttachWorld;
  readonly #ended: (reason: string) => void;
  #isOver = false;
  #stop = (): void => {};

  constructor(world: AttachWorld, ended: (reason: string) => void) {
    this.#world = world;
    this.#ended = ended;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Returns its pid; undefined: it could not be started, and `ended` hears why. */
  run(command: readonly [string, ...string[]]): number | undefined {
    const helper = this.#world.processes.spawn(
      { command, env: { PATH: SYSTEM_PATH } },
      ({ startError, stderr }) =>
        this.fail(startError?.message ?? (stderr.trim() || `${command[0]} has ended`)),
    );
    this.#stop = () => helper.kill('SIGKILL');
    return helper.pid;
  }

  fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop();
    this.#ended(reason);
  }

  end(): void {
    this.#isOver = true;
    this.#stop();
  }
}
