/**
 * Watches another daemon of the node for hanging: asks it every second whether it is there. One that has answered and then does not for
 * `SILENCE_MS` is reported to the launcher, which kills it and starts it again. That a daemon *ended* the launcher sees by itself.
 */
import type { Timer, World } from '@eterne/runtime';
import type { LauncherClient } from './launcher-client.ts';
import { socketAddress, type DaemonName } from './layout.ts';
import { LinkClient, type LinkWorld } from './link.ts';

const ASK_INTERVAL_MS = 1000;
const SILENCE_MS = 5000;

export type WatcherWorld = LinkWorld & Pick<World, 'clock'>;

export class Watcher {
  readonly #world: WatcherWorld;
  readonly #launcher: LauncherClient;
  readonly #daemon: DaemonName;
  readonly #link: LinkClient;
  readonly #timer: Timer;
  /** The process that answered last, and when. */
  #answered: { readonly pid: number; readonly atMs: number } | undefined;

  constructor(world: WatcherWorld, launcher: LauncherClient, dir: string, daemon: DaemonName) {
    this.#world = world;
    this.#launcher = launcher;
    this.#daemon = daemon;
    this.#link = new LinkClient(world, socketAddress(dir, daemon), {
      onUp: () => {},
      onDown: () => {},
      onNote: () => {},
    });
    this.#link.open();
    this.#timer = world.timers.every(ASK_INTERVAL_MS, () => this.#ask());
  }

  close(): void {
    this.#timer.cancel();
    this.#link.close();
  }

  #ask(): void {
    const pid = this.#launcher.pids[this.#daemon];
    if (pid === null) return;
    if (this.#answered?.pid !== pid) this.#answered = { pid, atMs: this.#world.clock.bootMs() };
    const silentMs = this.#world.clock.bootMs() - this.#answered.atMs;
    if (silentMs > SILENCE_MS)
      this.#launcher.restart(this.#daemon, pid, `no answer for ${Math.round(silentMs)} ms`);
    this.#link.call('ping', { call: 'ping' }, ASK_INTERVAL_MS, (_ok, error) => {
      if (error === undefined) this.#answered = { pid, atMs: this.#world.clock.bootMs() };
    });
  }
}
