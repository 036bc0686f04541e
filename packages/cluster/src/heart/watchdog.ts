/**
 * Feeds the node's watchdog as long as the node keeps its word (`vigil.ts`).
 *
 *   off ──wanted──► opening ──► armed ──not wanted any more──► off
 *                      ▲  └─ failed ┐ │ lost
 *                      └─ again ────┴─┘
 *
 * 1. It is fed five times within its timeout, by nobody but this process: a heart that stops feeds no more.
 * 2. It is fed only while nothing is overdue; then the machine is reset within the watchdog's timeout.
 * 3. Since when something is being killed is noted between two feeds, too: of a watchdog with a long timeout the next one would count from itself.
 * 4. It is disarmed only when it is not wanted any more, or when this process is asked to end while nothing runs here.
 */
import { EterneError } from '@eterne/base';
import type { Timer, Watchdog, Watchdogs, World } from '@eterne/runtime';
import type { WatchdogSpec } from '../state/model.ts';
import type { WatchdogReport } from '../ports.ts';
import type { Reaper } from './reaper.ts';
import type { Vigil } from './vigil.ts';

const FEEDS_PER_TIMEOUT = 5;
const REOPEN_MS = 1000;
/** Falls together with the heart's beats. */
const LOOK_MS = 200;

export interface HeartWatchdogParts {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly watchdogs: Watchdogs;
  readonly vigil: Vigil;
  readonly reaper: Pick<Reaper, 'isKilling'>;
}

export class HeartWatchdog {
  readonly vigil: Vigil;
  readonly #parts: HeartWatchdogParts;
  readonly #listeners: ((report: WatchdogReport) => void)[] = [];
  #wanted: WatchdogSpec | null = null;
  #armed: Watchdog | undefined;
  #timer: Timer | undefined;
  #looking: Timer | undefined;
  #hungry = false;
  #trouble: string | null = null;
  /** Rises with every wish, so that an answer to an older one is recognised. */
  #wish = 0;

  constructor(parts: HeartWatchdogParts) {
    this.#parts = parts;
    this.vigil = parts.vigil;
  }

  get report(): WatchdogReport {
    return { of: this.#wanted, armedMs: this.#armed?.timeoutMs ?? null, trouble: this.#trouble };
  }

  onReport(listener: (report: WatchdogReport) => void): void {
    this.#listeners.push(listener);
  }

  want(spec: WatchdogSpec | null): void {
    const isSame = spec?.device === this.#wanted?.device && spec?.timeoutMs === this.#wanted?.timeoutMs;
    this.#wanted = spec;
    if (isSame) return this.#tell();
    this.#wish += 1;
    this.#disarm();
    this.#trouble = null;
    this.#tell();
    this.#open(this.#wish);
  }

  /** Before this process ends: only an idle node may do without. */
  end(): void {
    if (this.vigil.isIdle) this.#disarm();
  }

  #open(wish: number): void {
    const spec = this.#wanted;
    if (spec === null || wish !== this.#wish) return;
    this.#parts.watchdogs.open(spec.device, spec.timeoutMs, (watchdog) => {
      if (wish !== this.#wish) return watchdog instanceof EterneError ? undefined : watchdog.disarm();
      if (watchdog instanceof EterneError) return this.#lost(watchdog, wish);
      this.#armed = watchdog;
      this.#trouble = null;
      watchdog.onLost((error) => this.#lost(error, wish));
      const intervalMs = watchdog.timeoutMs / FEEDS_PER_TIMEOUT;
      const { timers } = this.#parts.world;
      this.#timer = timers.every(intervalMs, () => this.#feed(watchdog));
      this.#looking = timers.every(LOOK_MS, () => this.#overdue());
      this.#feed(watchdog);
      return this.#tell();
    });
  }

  #lost(error: EterneError, wish: number): void {
    if (wish !== this.#wish) return;
    if (this.#trouble === null) this.#parts.world.log('error', 'no watchdog', { reason: error.message });
    this.#trouble = error.message;
    this.#stop();
    this.#armed = undefined;
    this.#tell();
    this.#parts.world.timers.after(REOPEN_MS, () => this.#open(wish));
  }

  /** Duty 2. */
  #feed(watchdog: Watchdog): void {
    const overdue = this.#overdue();
    if (overdue === undefined) watchdog.feed();
    else if (!this.#hungry)
      this.#parts.world.log('error', 'the watchdog is not fed any more', { reason: overdue });
    this.#hungry = overdue !== undefined;
  }

  /** Duty 3. */
  #overdue(): string | undefined {
    const { world, vigil, reaper } = this.#parts;
    return vigil.overdue(reaper.isKilling, world.clock.bootMs());
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#looking?.cancel();
  }

  #disarm(): void {
    this.#stop();
    this.#armed?.disarm();
    this.#armed = undefined;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.report);
  }
}
