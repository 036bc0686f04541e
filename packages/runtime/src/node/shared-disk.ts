import * as fs from 'node:fs';
import { EterneError } from '@eterne/base';
import type { SharedDisk, SharedDisks } from '../shared-disk.ts';
import { systemError } from './errno.ts';

const { O_RDWR, O_DIRECT, O_DSYNC } = fs.constants;
const PAGE_BYTES = 64 * 1024;

/** A WebAssembly memory begins on a page; TypeScript's library for it comes with a browser's only. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** O_DIRECT wants memory aligned to sectors. */
function alignedBuffer(lengthBytes: number): Buffer {
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(lengthBytes / PAGE_BYTES) });
  return Buffer.from(buffer, 0, lengthBytes);
}

class NodeSharedDisk implements SharedDisk {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  read(offset: number, lengthBytes: number, done: (result: Buffer | EterneError) => void): void {
    const buffer = alignedBuffer(lengthBytes);
    fs.read(this.#fd, buffer, 0, lengthBytes, offset, (error, bytesRead) => {
      if (error) return done(systemError(`read ${this.#path}`, error));
      if (bytesRead < lengthBytes) return done(new EterneError('io', `${this.#path} is too short`));
      done(Buffer.from(buffer));
    });
  }

  write(offset: number, from: Buffer, done: (error: EterneError | undefined) => void): void {
    const buffer = alignedBuffer(from.length);
    from.copy(buffer);
    fs.write(this.#fd, buffer, 0, from.length, offset, (error, bytesWritten) => {
      if (error) return done(systemError(`write ${this.#path}`, error));
      done(bytesWritten < from.length ? new EterneError('io', `${this.#path}: short write`) : undefined);
    });
  }

  close(): void {
    fs.close(this.#fd);
  }
}

/** An existing block device or regular file. */
export const nodeSharedDisks: SharedDisks = {
  open(path, done) {
    fs.open(path, O_RDWR | O_DIRECT | O_DSYNC, (error, fd) => {
      done(error ? systemError(`open ${path}`, error) : new NodeSharedDisk(path, fd));
    });
  },
};
