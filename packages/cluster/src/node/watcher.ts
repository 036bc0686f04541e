/**
 * Watches another daemon of the node for hanging: asks it every second whether it is there. One that does not answer for so long that it must be hung, by
 * what `WorkerWatch` says of processes that only get no processor, is reported to the launcher, which kills it and starts it again. That a daemon *ended* the
 * launcher sees by itself.
 */
import { WorkerWatch } from '@eterne/disk/process/worker-watch.ts';
import type { World } from '@eterne/runtime';
import type { LauncherClient } from './launcher-client.ts';
import { socketAddress, type DaemonName } from './layout.ts';
import { LinkClient, type LinkWorld } from './link.ts';

const ANSWER_TIMEOUT_MS = 1000;
/** Of one that has answered once; who is starting has longer. */
const SILENCE_MS = 5000;

export type WatcherWorld = LinkWorld & Pick<World, 'processes'>;
export type WatcherLauncher = Pick<LauncherClient, 'onPids' | 'restart'>;

export class Watcher {
  readonly #world: WatcherWorld;
  readonly #launcher: WatcherLauncher;
  readonly #daemon: DaemonName;
  readonly #link: LinkClient;
  #watched: { readonly pid: number; readonly watch: WorkerWatch } | undefined;

  constructor(world: WatcherWorld, launcher: WatcherLauncher, dir: string, daemon: DaemonName) {
    this.#world = world;
    this.#launcher = launcher;
    this.#daemon = daemon;
    this.#link = new LinkClient(world, socketAddress(dir, daemon), {
      onUp: () => {},
      onDown: () => {},
      onNote: () => {},
    });
    this.#link.open();
    launcher.onPids((pids) => this.#follow(pids[daemon]));
  }

  close(): void {
    this.#watched?.watch.stop();
    this.#link.close();
  }

  #follow(pid: number | null): void {
    if (this.#watched?.pid === pid) return;
    this.#watched?.watch.stop();
    this.#watched = pid === null ? undefined : { pid, watch: this.#watch(pid) };
  }

  #watch(pid: number): WorkerWatch {
    const watch: WorkerWatch = new WorkerWatch(this.#world.timers, SILENCE_MS, {
      ask: () => this.#ask(pid, watch),
      hung: (silentMs) => this.#hung(pid, silentMs),
      waitedForProcessorMs: () => this.#world.processes.waitedForProcessorMs(pid),
    });
    return watch;
  }

  #ask(pid: number, watch: WorkerWatch): void {
    this.#link.call('ping', { call: 'ping' }, ANSWER_TIMEOUT_MS, (_ok, error) => {
      if (error !== undefined || this.#watched?.pid !== pid) return;
      watch.started();
      watch.heard();
    });
  }

  /** Watched anew: the launcher may not have heard of it. */
  #hung(pid: number, silentMs: number): void {
    this.#launcher.restart(this.#daemon, pid, `no answer for ${silentMs} ms`);
    const watch = this.#watch(pid);
    watch.started();
    this.#watched = { pid, watch };
  }
}
