/** The launcher as a daemon sees it. When the launcher dies the daemon has lost its node: `onOrphaned` must end the process. */
import type { EterneError } from '@eterne/base';
import type { GuardedProcess } from '../heart/guard.ts';
import type { FamilyExit, FamilyOptions, Spawner } from '../monitor/spawner.ts';
import type { DaemonPids, FromLauncher, ToLauncher } from './launcher-messages.ts';
import type { DaemonName } from './layout.ts';
import { LinkClient, type LinkWorld } from './link.ts';

const ANSWER_TIMEOUT_MS = 5000;
/** As long as a timer can wait: a launcher that gets no processor may take any time, and starts the program after all; one that ends takes its daemons with it. */
const SPAWN_TIMEOUT_MS = 2 ** 31 - 1;

export class LauncherClient implements Spawner {
  readonly #link: LinkClient;
  readonly #exitListeners: ((exit: FamilyExit) => void)[] = [];
  readonly #pidsListeners: ((pids: DaemonPids) => void)[] = [];
  #pids: DaemonPids = { service: null, monitor: null, heart: null, disk: null };

  constructor(world: LinkWorld, address: string, onOrphaned: () => void) {
    this.#link = new LinkClient(world, address, {
      onUp: () => {},
      onDown: onOrphaned,
      onNote: (_name, body) => this.#hear(body as FromLauncher),
    });
    this.#link.open();
  }

  get pids(): DaemonPids {
    return this.#pids;
  }

  onPids(listener: (pids: DaemonPids) => void): void {
    this.#pidsListeners.push(listener);
    listener(this.#pids);
  }

  onExit(listener: (exit: FamilyExit) => void): void {
    this.#exitListeners.push(listener);
  }

  spawn(options: FamilyOptions, done: (result: GuardedProcess | EterneError) => void): void {
    const answer = (process: unknown, error: EterneError | undefined): void =>
      done(error ?? (process as GuardedProcess));
    this.#call({ call: 'spawn', options }, answer, SPAWN_TIMEOUT_MS);
  }

  /** `pid`: the process that hangs, so that a late complaint never hits its successor. */
  restart(daemon: DaemonName, pid: number, reason: string): void {
    this.#call({ call: 'restart', daemon, pid, reason }, () => {});
  }

  fatal(daemon: DaemonName, error: EterneError, done: () => void): void {
    const mayPass = error.code === 'busy';
    const isConfig = error.code === 'config' || mayPass;
    const isFinal = error.code === 'needs-upgrade';
    const { message, hint } = error;
    const said = { ...(hint === undefined ? {} : { hint }), isConfig, mayPass, isFinal };
    this.#call({ call: 'fatal', daemon, message, ...said }, done);
  }

  /** Does the whole node end? Not when only this daemon is asked to. */
  isEnding(done: (isEnding: boolean) => void): void {
    this.#call({ call: 'ending' }, (isEnding) => done(isEnding === true));
  }

  /** To be said again and again: a service that says nothing for half a minute is ended. */
  leaving(): void {
    this.#call({ call: 'leaving' }, () => {});
  }

  close(): void {
    this.#link.close();
  }

  #call(
    message: ToLauncher,
    answer: (result: unknown, error: EterneError | undefined) => void,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): void {
    this.#link.call(message.call, message, timeoutMs, answer);
  }

  #hear(message: FromLauncher): void {
    switch (message.note) {
      case 'pids':
        this.#pids = message.pids;
        for (const listener of this.#pidsListeners) listener(message.pids);
        return;
      case 'exit':
        for (const listener of this.#exitListeners) listener(message.exit);
        return;
    }
  }
}
