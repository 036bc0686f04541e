/**
 * What a front end (NBD, iSCSI) serves: a mirrored volume or a plain store. Offsets and lengths are bytes and multiples of 512 (the
 * front end splits or pads what is not). Callbacks may run before the call returns.
 */
import type { Extent } from './ports.ts';

export type DeviceErrorCode = 'EIO' | 'EINVAL' | 'ENOSPC' | 'EPERM' | 'ESHUTDOWN' | 'ENOTSUP' | 'ETIMEDOUT';

/** `isFree`, of a write: nothing refers to its data any more, so the memory may be used again. */
export type DeviceDone = (error: DeviceErrorCode | undefined, isFree?: boolean) => void;

export interface BlockDevice {
  readonly name: string;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Changes with every promotion. A front-end connection belongs to one term and is cut when it ends. */
  readonly term: number;
  read(
    offset: number,
    lengthBytes: number,
    done: (error: DeviceErrorCode | undefined, data: Buffer) => void,
  ): void;
  /** What a `read` brought is used no more: its memory may serve another. Never a duty. */
  release?(data: Buffer): void;
  /** Like `read`, into memory of the caller, which the device uses no more once it is done. Absent: reads bring their own. */
  readInto?(offset: number, into: Buffer, done: DeviceDone): void;
  /** The device owns `data` until done, and where it does not say `isFree`, for good. `fua`: durable on every in-sync replica before done. */
  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void;
  /** Everything completed before, from every connection, becomes durable on every in-sync replica. */
  flush(done: DeviceDone): void;
  discard(offset: number, lengthBytes: number, done: DeviceDone): void;
  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, fua: boolean, done: DeviceDone): void;
  /**
   * The extent that begins at `offset`: how far the device is allocated, or is not and reads as zeroes. Absent where the device cannot
   * tell; all of it counts as allocated then.
   */
  nextExtent?(offset: number, done: (error: DeviceErrorCode | undefined, extent: Extent) => void): void;
}
