/** A device in memory whose operations finish when the test says so, in any order. */
import type { BlockDevice, DeviceDone, DeviceErrorCode } from '@eterne/runtime';

export interface PendingOperation {
  readonly kind: 'read' | 'write' | 'flush' | 'discard' | 'zeroes';
  readonly offset: number;
  readonly lengthBytes: number;
  /** Carries it out and answers it. */
  finish(error?: DeviceErrorCode): void;
}

export class MemoryDevice implements BlockDevice {
  readonly name = 'v0';
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly term = 1;
  readonly content: Buffer;
  readonly pending: PendingOperation[] = [];
  /** Finish everything at once, before the call returns. */
  immediate: boolean;

  constructor(sizeBytes: number, options: { immediate?: boolean; readOnly?: boolean } = {}) {
    this.sizeBytes = sizeBytes;
    this.content = Buffer.alloc(sizeBytes);
    this.immediate = options.immediate ?? false;
    this.readOnly = options.readOnly ?? false;
  }

  read(
    offset: number,
    lengthBytes: number,
    done: (error: DeviceErrorCode | undefined, data: Buffer) => void,
  ): void {
    this.#add('read', offset, lengthBytes, (error) =>
      done(error, Buffer.from(this.content.subarray(offset, offset + lengthBytes))),
    );
  }

  write(offset: number, data: Buffer, _fua: boolean, done: DeviceDone): void {
    this.#add('write', offset, data.length, (error) => {
      if (error === undefined) data.copy(this.content, offset);
      done(error);
    });
  }

  flush(done: DeviceDone): void {
    this.#add('flush', 0, 0, done);
  }

  discard(offset: number, lengthBytes: number, done: DeviceDone): void {
    this.#add('discard', offset, lengthBytes, done);
  }

  writeZeroes(
    offset: number,
    lengthBytes: number,
    _mayPunch: boolean,
    _fua: boolean,
    done: DeviceDone,
  ): void {
    this.#add('zeroes', offset, lengthBytes, (error) => {
      if (error === undefined) this.content.fill(0, offset, offset + lengthBytes);
      done(error);
    });
  }

  /** Finishes the operation at `index` of `pending`. */
  finish(index = 0, error?: DeviceErrorCode): void {
    const [operation] = this.pending.splice(index, 1);
    operation?.finish(error);
  }

  #add(kind: PendingOperation['kind'], offset: number, lengthBytes: number, finish: DeviceDone): void {
    if (offset % 512 !== 0 || lengthBytes % 512 !== 0 || offset + lengthBytes > this.sizeBytes)
      throw new Error(`not whole sectors of the device: ${kind} ${offset}+${lengthBytes}`);
    const operation = { kind, offset, lengthBytes, finish: (error?: DeviceErrorCode) => finish(error) };
    if (this.immediate) operation.finish();
    else this.pending.push(operation);
  }
}
