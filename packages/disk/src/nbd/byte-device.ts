/**
 * A `BlockDevice` made usable at byte granularity, as NBD clients expect (the protocol's minimum block size 1).
 *
 * Requests on whole sectors pass straight through. A change of part of a sector is read-modify-write, and must not
 * undo a whole-sector write that completes between its read and its write. So it runs alone: it waits until every
 * change begun before it is done, and changes that come later wait for it. That is slow and rare; the price on
 * the fast path is a counter. It holds only if every front end of the device goes through the same `ByteDevice`.
 *
 * Ranges longer than `MAX_RANGE_BYTES` (TRIM, WRITE_ZEROES) reach the device in pieces, one after the other.
 */
import {
  inPieces,
  type BlockDevice,
  type DeviceDone,
  type DeviceErrorCode,
  type Extent,
} from '@eterne/runtime';
import { MAX_RANGE_BYTES } from './limits.ts';

const SECTOR_BYTES = 512;
const sectorFloor = (offset: number): number => Math.floor(offset / SECTOR_BYTES) * SECTOR_BYTES;
const sectorCeil = (offset: number): number => Math.ceil(offset / SECTOR_BYTES) * SECTOR_BYTES;
const isWhole = (offset: number, lengthBytes: number): boolean =>
  offset % SECTOR_BYTES === 0 && lengthBytes % SECTOR_BYTES === 0;

type Step = (done: DeviceDone) => void;
interface Waiting {
  readonly exclusive: boolean;
  readonly step: Step;
  readonly done: DeviceDone;
}

export class ByteDevice {
  readonly device: BlockDevice;
  #changesInFlight = 0;
  #exclusive = false;
  #waiting: Waiting[] = [];

  constructor(device: BlockDevice) {
    this.device = device;
  }

  read(
    offset: number,
    lengthBytes: number,
    done: (error: DeviceErrorCode | undefined, data: Buffer) => void,
  ): void {
    if (isWhole(offset, lengthBytes)) return this.device.read(offset, lengthBytes, done);
    const start = sectorFloor(offset);
    this.device.read(start, sectorCeil(offset + lengthBytes) - start, (error, data) =>
      done(error, error === undefined ? data.subarray(offset - start, offset - start + lengthBytes) : data),
    );
  }

  /** What a `read` brought is used no more. */
  release(data: Buffer): void {
    this.device.release?.(data);
  }

  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    if (isWhole(offset, data.length)) this.#change((end) => this.device.write(offset, data, fua, end), done);
    else this.#changeAlone((end) => this.#readModifyWrite(offset, data, fua, end), done);
  }

  /** Passes everything: it speaks of completed changes only, and one that waits here is not completed. */
  flush(done: DeviceDone): void {
    this.device.flush(done);
  }

  /** Partial sectors at the ends are left alone: a discard is only advice. */
  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    const start = sectorCeil(offset);
    const end = sectorFloor(offset + lengthBytes);
    if (end <= start) return done(undefined);
    this.#change(
      (stop) =>
        inPieces(
          start,
          end,
          MAX_RANGE_BYTES,
          (at, length, next) => this.device.discard(at, length, next),
          stop,
        ),
      done,
    );
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, fua: boolean, done: DeviceDone): void {
    const zeroSectors = (start: number, end: number): Step => {
      return (stop) =>
        inPieces(
          start,
          end,
          MAX_RANGE_BYTES,
          (at, length, next) => this.device.writeZeroes(at, length, mayPunch, fua, next),
          stop,
        );
    };
    const end = offset + lengthBytes;
    if (isWhole(offset, lengthBytes)) return this.#change(zeroSectors(offset, end), done);
    const headEnd = Math.min(end, sectorCeil(offset));
    const tailStart = Math.max(headEnd, sectorFloor(end));
    const zeroBytes = (from: number, to: number): Step => {
      return (stop) =>
        from === to ? stop(undefined) : this.#readModifyWrite(from, Buffer.alloc(to - from), fua, stop);
    };
    const steps = [zeroBytes(offset, headEnd), zeroSectors(headEnd, tailStart), zeroBytes(tailStart, end)];
    this.#changeAlone((stop) => inSequence(steps, 0, stop), done);
  }

  /** The extent that begins at `offset`; never empty. A sector that is a hole in part counts as allocated. */
  nextExtent(offset: number, done: (error: DeviceErrorCode | undefined, extent: Extent) => void): void {
    const { device } = this;
    if (device.nextExtent === undefined)
      return done(undefined, { lengthBytes: device.sizeBytes - offset, allocated: true });
    const start = sectorFloor(offset);
    device.nextExtent(start, (error, extent) => {
      const { allocated } = extent;
      const end = start + (allocated ? sectorCeil : sectorFloor)(extent.lengthBytes);
      if (end > offset) done(error, { allocated, lengthBytes: end - offset });
      else done(error, { allocated: true, lengthBytes: start + SECTOR_BYTES - offset });
    });
  }

  /** Only while alone. */
  #readModifyWrite(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    const start = sectorFloor(offset);
    const lengthBytes = sectorCeil(offset + data.length) - start;
    this.device.read(start, lengthBytes, (error, old) => {
      if (error !== undefined) return done(error);
      const merged = Buffer.from(old);
      data.copy(merged, offset - start);
      this.device.write(start, merged, fua, done);
    });
  }

  #change(step: Step, done: DeviceDone): void {
    if (this.#exclusive || this.#waiting.length > 0) this.#waiting.push({ exclusive: false, step, done });
    else this.#start(step, done);
  }

  #changeAlone(step: Step, done: DeviceDone): void {
    this.#waiting.push({ exclusive: true, step, done });
    this.#admit();
  }

  #start(step: Step, done: DeviceDone): void {
    this.#changesInFlight += 1;
    step((error, isFree) => {
      this.#changesInFlight -= 1;
      this.#exclusive = false; // whoever ran alone was the only one in flight
      done(error, isFree);
      if (this.#waiting.length > 0) this.#admit();
    });
  }

  /** Starts waiting changes in order, up to the first that must run alone and cannot yet. */
  #admit(): void {
    while (!this.#exclusive) {
      const next = this.#waiting[0];
      if (next === undefined || (next.exclusive && this.#changesInFlight > 0)) return;
      this.#waiting.shift();
      this.#exclusive = next.exclusive;
      this.#start(next.step, next.done);
    }
  }
}

function inSequence(steps: readonly Step[], index: number, done: DeviceDone): void {
  const step = steps[index];
  if (step === undefined) return done(undefined);
  step((error) => (error === undefined ? inSequence(steps, index + 1, done) : done(error)));
}
