import type { BlockDevice, DeviceDone, DeviceErrorCode, Extent } from '@eterne/runtime';
import type { Window } from './members.ts';

const NOTHING = Buffer.alloc(0);

/** One volume of a mirror set, cut out of the set's device. A flush is one of the whole set. */
export class WindowDevice implements BlockDevice {
  readonly name: string;
  readonly #whole: BlockDevice;
  readonly #window: () => Window;

  /** `window` is asked for whenever it matters: the last one of a set may grow. */
  constructor(name: string, whole: BlockDevice, window: () => Window) {
    this.name = name;
    this.#whole = whole;
    this.#window = window;
  }

  get sizeBytes(): number {
    return this.#window().sizeBytes;
  }

  get readOnly(): boolean {
    return this.#whole.readOnly;
  }

  get term(): number {
    return this.#whole.term;
  }

  read(
    offset: number,
    lengthBytes: number,
    done: (error: DeviceErrorCode | undefined, data: Buffer) => void,
  ): void {
    const at = this.#at(offset, lengthBytes);
    if (at === undefined) done('EINVAL', NOTHING);
    else this.#whole.read(at, lengthBytes, done);
  }

  release(data: Buffer): void {
    this.#whole.release?.(data);
  }

  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    const at = this.#at(offset, data.length);
    if (at === undefined) done('ENOSPC');
    else this.#whole.write(at, data, fua, done);
  }

  flush(done: DeviceDone): void {
    this.#whole.flush(done);
  }

  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    const at = this.#at(offset, lengthBytes);
    if (at === undefined) done('ENOSPC');
    else this.#whole.discard(at, lengthBytes, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, fua: boolean, done: DeviceDone): void {
    const at = this.#at(offset, lengthBytes);
    if (at === undefined) done('ENOSPC');
    else this.#whole.writeZeroes(at, lengthBytes, mayPunch, fua, done);
  }

  nextExtent(offset: number, done: (error: DeviceErrorCode | undefined, extent: Extent) => void): void {
    const rest = this.sizeBytes - offset;
    const at = this.#at(offset, rest);
    if (at === undefined) return done('EINVAL', { lengthBytes: 0, allocated: true });
    if (this.#whole.nextExtent === undefined) return done(undefined, { lengthBytes: rest, allocated: true });
    this.#whole.nextExtent(at, (error, { allocated, lengthBytes }) =>
      done(error, { allocated, lengthBytes: Math.min(lengthBytes, rest) }),
    );
  }

  /** Undefined outside the window: a neighbour's bytes are never touched. */
  #at(offset: number, lengthBytes: number): number | undefined {
    const { sizeBytes, start } = this.#window();
    return offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= sizeBytes ? start + offset : undefined;
  }
}
