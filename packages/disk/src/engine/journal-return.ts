/**
 * Opens a rescue journal anew that has failed or could not be opened: by itself, again and again, until its device is back.
 *
 * ```
 * well ──problem──▶ waiting ──timer──▶ trying ──▶ well
 *                      ▲                 │ not yet
 *                      └─────────────────┘
 * ```
 *
 * Duties
 * 1. Nothing changes hands while anybody waits for the journal or reads it, or a copy into this replica is under way. Until it does, what is overwritten is
 *    answered as while the journal fails: not at all, or the metadata knows that it was not kept.
 * 2. As at every opening, points that missed something are ended before the metadata names the journal (`rescue/adopt.ts`).
 * 3. Nothing is created in its place, and another journal than the one that the metadata names is left alone: what it kept may come back yet. Whoever
 *    wants another opens the volume again.
 */
import { EterneError } from '@eterne/base';
import type { Timer } from '@eterne/runtime';
import { NIL_UUID } from '../metadata/api.ts';
import { adopt } from '../rescue/adopt.ts';
import { openRescue, type OpenedRescue } from '../rescue/open-rescue.ts';
import type { RescuePoints } from '../rescue/rescue.ts';
import type { Replica } from './replica.ts';

const FIRST_RETRY_MS = 1_000;
/** A journal that was well for so long and fails again is tried as soon as one that has failed for the first time. */
const MAX_RETRY_MS = 60_000;

export interface JournalReturnParts {
  readonly replica: Pick<Replica, 'world' | 'config' | 'metadata'>;
  /** The journal that is in use, or has failed. */
  readonly current: () => RescuePoints;
  /** Duty 1. */
  readonly mayChange: () => boolean;
  /** It is open, and the metadata names it. */
  readonly opened: (journal: OpenedRescue) => void;
  /** It was tried in vain. */
  readonly tried: () => void;
}

export class JournalReturn {
  readonly #parts: JournalReturnParts;
  #timer: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isTrying = false;
  #openedAtMs: number | undefined;
  #closed = false;
  #onClosed: (() => void) | undefined;
  /** Whoever cannot wait for the timer. */
  readonly #onTried: (() => void)[] = [];
  /** Told once. */
  #obstacle = '';

  constructor(parts: JournalReturnParts) {
    this.#parts = parts;
  }

  /** Nothing is to be read of the journal. */
  get isTrying(): boolean {
    return this.#isTrying;
  }

  /** Something may have happened to the journal. */
  watch(): void {
    const { current, replica } = this.#parts;
    if (this.#closed || this.#isTrying || this.#timer !== undefined) return;
    if (current().problem === undefined) return;
    const { clock, timers } = replica.world;
    if (this.#openedAtMs !== undefined && clock.bootMs() - this.#openedAtMs > MAX_RETRY_MS)
      this.#retryMs = FIRST_RETRY_MS;
    this.#openedAtMs = undefined;
    this.#timer = timers.after(this.#retryMs, () => {
      this.#timer = undefined;
      this.#try();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  /** Somebody needs the journal now: `then` once it has been tried, or need not or cannot be. */
  hurry(then: () => void): void {
    const { current } = this.#parts;
    if (this.#closed || (current().problem === undefined && !this.#isTrying)) return then();
    this.#onTried.push(then);
    if (this.#isTrying) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#try();
  }

  close(done: () => void): void {
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#isTrying) this.#onClosed = done;
    else done();
  }

  #try(): void {
    const { current, mayChange } = this.#parts;
    if (!mayChange()) {
      this.watch();
      return this.#tried();
    }
    this.#isTrying = true;
    current().release((isReleased) => (isReleased ? this.#open() : this.#over()));
  }

  #open(): void {
    const { config, metadata, world } = this.#parts.replica;
    const { diskTimeoutMs: timeoutMs, rescueJournal } = config;
    if (rescueJournal === undefined || this.#closed) return this.#over();
    openRescue(world, { ...rescueJournal, timeoutMs, mayCreate: false }, metadata.replicaUuid, (journal) => {
      if (journal instanceof EterneError) this.#over(journal.message);
      else this.#adopt(journal);
    });
  }

  #adopt(journal: OpenedRescue): void {
    const { metadata, world } = this.#parts.replica;
    const { log } = journal;
    const leave = (obstacle?: string): void => log.close(() => this.#over(obstacle));
    const isNamed = (): boolean => metadata.state.rescueJournal === log.journalUuid;
    if (!isNamed() && metadata.state.rescueJournal !== NIL_UUID)
      return leave('another rescue journal is in its place: open the volume again to go on with that one');
    if (!this.#isWanted) return leave();
    adopt(world, metadata, log, (error) => {
      if (error !== undefined) return leave(error.message);
      if (!isNamed() || !this.#isWanted) return leave();
      this.#took(journal);
    });
  }

  #took(journal: OpenedRescue): void {
    const { opened, replica } = this.#parts;
    replica.world.log('info', `volume ${replica.config.name}: its rescue journal is in use again`);
    this.#isTrying = false;
    this.#obstacle = '';
    this.#openedAtMs = replica.world.clock.bootMs();
    opened(journal);
    this.#tried();
  }

  #tried(): void {
    for (const then of this.#onTried.splice(0)) then();
  }

  get #isWanted(): boolean {
    return !this.#closed && this.#parts.mayChange();
  }

  #over(obstacle = ''): void {
    const { replica, tried } = this.#parts;
    if (obstacle !== '' && obstacle !== this.#obstacle)
      replica.world.log('warn', `volume ${replica.config.name}: rescue journal not opened: ${obstacle}`);
    if (obstacle !== '') this.#obstacle = obstacle;
    this.#isTrying = false;
    this.#onClosed?.();
    tried();
    this.#tried();
  }
}
