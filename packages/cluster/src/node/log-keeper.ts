/**
 * Bounds what daemons and resources write to DIR/log: a file that has grown beyond `LOG_BYTES_MAX` gives its newest part to `NAME.1` and begins
 * anew. In place, because the writers hold it open; they append, so they go on at its new end. A line that is written between the
 * copy and the cut is lost.
 */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import type { FileHandle, Timer, World } from '@eterne/runtime';

export const LOG_BYTES_MAX = 8 * 1024 * 1024;
/** Of a long file this much is kept. */
export const KEPT_BYTES = 4 * 1024 * 1024;
const LOOK_INTERVAL_MS = 60_000;
const LOG_MODE = 0o600;

type LogWorld = Pick<World, 'files' | 'timers' | 'log'>;

export class LogKeeper {
  readonly #world: LogWorld;
  readonly #folder: string;
  readonly #timer: Timer;
  #busy = false;

  constructor(world: LogWorld, folder: string) {
    this.#world = world;
    this.#folder = folder;
    this.#timer = world.timers.every(LOOK_INTERVAL_MS, () => this.look());
  }

  close(): void {
    this.#timer.cancel();
  }

  /** `done` is for tests. */
  look(done: () => void = () => {}): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#world.files.list(this.#folder, (names) => {
      const logs = names instanceof EterneError ? [] : names.filter((name) => name.endsWith('.log'));
      this.#next(logs, () => {
        this.#busy = false;
        done();
      });
    });
  }

  #next(names: readonly string[], done: () => void): void {
    const [name, ...rest] = names;
    if (name === undefined) return done();
    shorten(this.#world.files, join(this.#folder, name), (error) => {
      if (error) this.#world.log('warn', `a log file cannot be shortened: ${error.message}`);
      this.#next(rest, done);
    });
  }
}

function shorten(files: World['files'], path: string, done: (error: EterneError | undefined) => void): void {
  files.openFile(path, (file) => {
    if (file instanceof EterneError) return done(file);
    const finish = (error: EterneError | undefined): void => file.close(() => done(error));
    if (file.sizeBytes <= LOG_BYTES_MAX) return finish(undefined);
    moveTail(files, path, file, finish);
  });
}

function moveTail(
  files: World['files'],
  path: string,
  file: FileHandle,
  finish: (error: EterneError | undefined) => void,
): void {
  file.readAt(file.sizeBytes - KEPT_BYTES, KEPT_BYTES, (tail) => {
    if (tail instanceof EterneError) return finish(tail);
    const firstLine = tail.indexOf('\n') + 1;
    files.writeFileAtomic(`${path}.1`, tail.subarray(firstLine), LOG_MODE, (error) => {
      if (error) return finish(error);
      file.truncate(0, finish);
    });
  });
}
