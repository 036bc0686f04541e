import type { BlockStore, StoreDone } from '@eterne/runtime';
import type { PageMap } from './page-map.ts';

/** A store in memory that answers at once and never fails: for looking at disks from outside the simulated world. */
export class MemoryStore implements BlockStore {
  readonly sizeBytes: number;
  readonly canPunch = true;
  private readonly pages: PageMap;

  constructor(pages: PageMap, sizeBytes: number) {
    this.pages = pages;
    this.sizeBytes = sizeBytes;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.pages.read(offset, into);
    done(undefined);
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.pages.write(offset, from);
    done(undefined);
  }

  flush(done: StoreDone): void {
    done(undefined);
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.write(offset, Buffer.alloc(lengthBytes), done);
  }

  writeZeroes(offset: number, lengthBytes: number, _mayPunch: boolean, done: StoreDone): void {
    this.write(offset, Buffer.alloc(lengthBytes), done);
  }

  close(done: () => void): void {
    done();
  }
}
