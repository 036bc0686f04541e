/**
 * The kernel's own NBD client:
 *
 *   export ──NBD──► nbd-client, inside the kernel ──► /dev/nbdN
 *
 * A device belongs to one term: its client does not connect again, and an older one is proven gone before the next begins. Needs root, nbd-client and the kernel's module.
 */
import {
  isNbdConnected,
  listNbdDevices,
  nbdClientCommand,
  nbdDetachCommand,
  nbdDevicesOn,
} from '../../attach/nbd-devices.ts';
import { runTool } from '../../attach/run-tool.ts';
import { Attempt, type AttachWay, type AttachWorld, type Running } from './way.ts';

const RETRY_MS = 50;
const CLEAR_TIMEOUT_MS = 5000;

export class NbdWay implements AttachWay {
  readonly #world: AttachWorld;
  readonly #volume: string;
  readonly #socketPath: string;

  constructor(world: AttachWorld, volume: string, socketPath: string) {
    this.#world = world;
    this.#volume = volume;
    this.#socketPath = socketPath;
  }

  clear(done: (failure: string | undefined) => void): void {
    this.#clear(this.#world.clock.bootMs() + CLEAR_TIMEOUT_MS, done);
  }

  #clear(deadlineMs: number, done: (failure: string | undefined) => void): void {
    const { clock, files, timers } = this.#world;
    nbdDevicesOn(files, this.#socketPath, (devices) => {
      const [first] = devices;
      if (first === undefined) return done(undefined);
      if (clock.bootMs() >= deadlineMs) return done(`${first.path} of an earlier time does not end`);
      runTool(this.#world, nbdDetachCommand(first.path), () =>
        timers.after(RETRY_MS, () => this.#clear(deadlineMs, done)),
      );
    });
  }

  begin(attached: (path: string) => void, ended: (reason: string) => void): Running {
    const attempt = new Attempt(this.#world, ended);
    listNbdDevices(this.#world.files, (devices) => {
      if (attempt.isOver) return;
      const free = devices.find(({ clientPid }) => clientPid === undefined);
      if (free === undefined) return attempt.fail('no NBD device of the kernel is free');
      const pid = attempt.run(nbdClientCommand(free.path, this.#socketPath, this.#volume));
      if (pid !== undefined) this.#untilConnected(free.path, pid, attempt, attached);
    });
    return attempt;
  }

  #untilConnected(path: string, pid: number, attempt: Attempt, attached: (path: string) => void): void {
    isNbdConnected(this.#world.files, path, pid, (isConnected) => {
      if (attempt.isOver) return;
      if (isConnected) return attached(path);
      this.#world.timers.after(RETRY_MS, () => this.#untilConnected(path, pid, attempt, attached));
    });
  }
}
