/**
 * A few sectors on a disk or file that several nodes reach: what they read is the medium, never a cache, and what is written is durable. Beside
 * `BlockStore`, which belongs to one node at a time.
 */
import type { EterneError } from '@eterne/base';

/** Offsets and lengths are multiples of this. A write of so much may be torn when power fails. */
export const SHARED_SECTOR_BYTES = 4096;

export interface SharedDisk {
  read(offset: number, lengthBytes: number, done: (result: Buffer | EterneError) => void): void;
  /** Done when it is durable. Owns `from` until then. */
  write(offset: number, from: Buffer, done: (error: EterneError | undefined) => void): void;
  close(): void;
}

export interface SharedDisks {
  open(path: string, done: (result: SharedDisk | EterneError) => void): void;
}
