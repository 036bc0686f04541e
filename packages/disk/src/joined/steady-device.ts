import { assert } from '@eterne/base';
import type { BlockDevice, DeviceDone, DeviceErrorCode, Extent } from '@eterne/runtime';

/** `isFree`: see `DeviceDone`. */
type Answer = (error: DeviceErrorCode | undefined, data: Buffer, isFree?: boolean) => void;

interface Request {
  run(device: BlockDevice, answer: Answer): void;
  readonly done: Answer;
  /** A term that has ended may still hold on to its data. */
  wasAskedBefore: boolean;
}

const NOTHING = Buffer.alloc(0);

/**
 * The device that front ends see while the terms behind it come and go. A request that the end of a term left unanswered is asked
 * again of the next one: nobody was told that it happened or that it did not, and what its first attempt wrote is the same. Front ends
 * bound what they have in flight, and with it what waits here.
 */
export class SteadyDevice implements BlockDevice {
  readonly name: string;
  readonly readOnly = false;
  readonly term: number;
  #sizeBytes: number;
  #behind: BlockDevice | undefined;
  #waiting: Request[] = [];
  #isOver = false;

  constructor(name: string, sizeBytes: number, term: number) {
    this.name = name;
    this.#sizeBytes = sizeBytes;
    this.term = term;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Served by `device` from now on; undefined: by nobody for the time being. */
  follow(device: BlockDevice | undefined): void {
    this.#behind = device;
    if (device === undefined) return;
    this.grown(device.sizeBytes);
    for (const request of this.#waiting.splice(0)) this.#ask(request);
  }

  /** What is served is so large now. What was shown once stays: every device of the set had it by then. */
  grown(sizeBytes: number): void {
    assert(sizeBytes >= this.#sizeBytes, 'a volume does not become smaller');
    this.#sizeBytes = sizeBytes;
  }

  /** What waits fails, and so does all that comes. */
  end(): void {
    this.#isOver = true;
    this.#behind = undefined;
    for (const { done } of this.#waiting.splice(0)) done('ESHUTDOWN', NOTHING);
  }

  read(offset: number, lengthBytes: number, done: Answer): void {
    this.#begin(done, (device, answer) => device.read(offset, lengthBytes, answer));
  }

  write(offset: number, data: Buffer, fua: boolean, done: DeviceDone): void {
    this.#begin(ofWrite(done), (device, answer) => device.write(offset, data, fua, withoutData(answer)));
  }

  flush(done: DeviceDone): void {
    this.#begin(ofWrite(done), (device, answer) => device.flush(withoutData(answer)));
  }

  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    this.#begin(ofWrite(done), (device, answer) => device.discard(offset, lengthBytes, withoutData(answer)));
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, fua: boolean, done: DeviceDone): void {
    this.#begin(ofWrite(done), (device, answer) =>
      device.writeZeroes(offset, lengthBytes, mayPunch, fua, withoutData(answer)),
    );
  }

  nextExtent(offset: number, done: (error: DeviceErrorCode | undefined, extent: Extent) => void): void {
    const device = this.#behind;
    if (device?.nextExtent !== undefined) device.nextExtent(offset, done);
    else done(undefined, { lengthBytes: this.sizeBytes - offset, allocated: true });
  }

  #begin(done: Answer, run: Request['run']): void {
    this.#ask({ done, run, wasAskedBefore: false });
  }

  #ask(request: Request): void {
    const device = this.#behind;
    if (this.#isOver) return request.done('ESHUTDOWN', NOTHING);
    if (device === undefined) return void this.#waiting.push(request);
    const { wasAskedBefore } = request;
    request.run(device, (error, data, isFree) => {
      if (error !== 'ESHUTDOWN' || this.#isOver)
        return request.done(error, data, isFree === true && !wasAskedBefore);
      request.wasAskedBefore = true;
      if (this.#behind === device) this.#waiting.push(request);
      else this.#ask(request);
    });
  }
}

function withoutData(answer: Answer): DeviceDone {
  return (error, isFree) => answer(error, NOTHING, isFree);
}

function ofWrite(done: DeviceDone): Answer {
  return (error, _data, isFree) => done(error, isFree);
}
