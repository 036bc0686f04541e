import type { LocalDisk } from '../local-disk.ts';

/**
 * Flushes of an asynchronous primary's own disk, all that its application waits for. One at a time; requests that come meanwhile share
 * the next. A request whose flush fails is never answered: the disk has failed then, and the term ends.
 */
export class LocalFlushes {
  readonly #disk: LocalDisk;
  #running = false;
  #next: (() => void)[] = [];

  constructor(disk: LocalDisk) {
    this.#disk = disk;
  }

  request(done: () => void): void {
    this.#next.push(done);
    this.#start();
  }

  #start(): void {
    if (this.#running || this.#next.length === 0) return;
    const requests = this.#next;
    this.#next = [];
    this.#running = true;
    this.#disk.flush((error) => {
      this.#running = false;
      if (error === undefined) for (const done of requests) done();
      this.#start();
    });
  }
}
