/** A block store in memory whose un-flushed sectors are lost, kept or torn at a power failure, and that can fail at any operation. */
import { assert } from '@eterne/base';
import type { BlockStore, StoreDone } from '@eterne/runtime';

const SECTOR_BYTES = 512;

/** What a power failure does to a sector that no flush covered. */
export type SectorFate = 'lost' | 'kept' | 'garbled';

export class CrashStore implements BlockStore {
  readonly sizeBytes: number;
  readonly canPunch = true;
  /** What survives a power failure. */
  readonly stable: Buffer;
  /** What reads see. */
  readonly current: Buffer;
  /** Writes since the last flush; `landed`: answered, so the next flush covers them. */
  #unflushed: { offset: number; bytes: Buffer; landed: boolean }[] = [];
  readonly #deferred: (() => void)[] | undefined;
  operations = 0;
  flushes = 0;
  closed = false;
  /** Operations from this number on never complete (the power is gone). */
  stopAt = Number.POSITIVE_INFINITY;
  /** Operations from this number on fail with EIO. */
  failAt = Number.POSITIVE_INFINITY;

  /** `deferred`: callbacks wait in this list instead of running at once. */
  constructor(content: Buffer, deferred?: (() => void)[]) {
    this.sizeBytes = content.length;
    this.stable = Buffer.from(content);
    this.current = Buffer.from(content);
    this.#deferred = deferred;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#perform(done, () => this.current.copy(into, 0, offset, offset + into.length));
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    assert(offset % SECTOR_BYTES === 0 && from.length % SECTOR_BYTES === 0, 'whole sectors');
    assert(offset + from.length <= this.sizeBytes, 'inside the store');
    const entry = { offset, bytes: Buffer.from(from), landed: false };
    this.#unflushed.push(entry);
    this.#perform(done, () => {
      entry.landed = true;
      from.copy(this.current, offset);
    });
  }

  flush(done: StoreDone): void {
    this.#perform(done, () => {
      this.flushes += 1;
      for (const { offset, bytes, landed } of this.#unflushed) if (landed) bytes.copy(this.stable, offset);
      this.#unflushed = this.#unflushed.filter(({ landed }) => !landed);
    });
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.write(offset, Buffer.alloc(lengthBytes), done);
  }

  writeZeroes(offset: number, lengthBytes: number, _mayPunch: boolean, done: StoreDone): void {
    this.write(offset, Buffer.alloc(lengthBytes), done);
  }

  close(done: () => void): void {
    this.closed = true;
    done();
  }

  /** The user was killed: the kernel keeps what was answered, and what was not never happens. */
  killUser(): void {
    this.stopAt = Number.POSITIVE_INFINITY;
    this.#unflushed = this.#unflushed.filter(({ landed }) => landed);
  }

  /** The content after a power failure: each un-flushed sector is lost, kept, or (with `garble`) filled with junk, as `choose` says. */
  afterPowerFailure(choose: () => SectorFate): Buffer {
    const content = Buffer.from(this.stable);
    for (const { offset, bytes } of this.#unflushed) {
      for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
        const fate = choose();
        if (fate === 'kept') bytes.copy(content, offset + at, at, at + SECTOR_BYTES);
        if (fate === 'garbled') content.fill(0xa5, offset + at, offset + at + SECTOR_BYTES);
      }
    }
    return content;
  }

  #perform(done: StoreDone, effect: () => void): void {
    const number = this.operations;
    this.operations += 1;
    if (number >= this.stopAt) return;
    const answer = (): void => {
      if (number >= this.failAt) {
        done({ kind: 'device', errno: 'EIO', message: 'injected' });
        return;
      }
      effect();
      done(undefined);
    };
    if (this.#deferred === undefined) answer();
    else this.#deferred.push(answer);
  }
}
