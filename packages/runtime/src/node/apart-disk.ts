/**
 * Shared disks each of which is accessed by a process of its own: a call that hangs in the kernel takes no thread of this process, and does not keep
 * this process from ending when it is killed. What hangs is answered when the kernel lets go of it; time-outs are for the caller to keep.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EterneError, type ErrorCode } from '@eterne/base';
import type { SharedDisk, SharedDisks } from '../shared-disk.ts';

const MAIN = fileURLToPath(new URL('./apart-disk-main.ts', import.meta.url));

/** One access at a time each; `id` numbers them. */
export type ToApartDisk =
  | { readonly id: number; readonly read: { readonly offset: number; readonly lengthBytes: number } }
  | { readonly id: number; readonly write: { readonly offset: number; readonly from: Uint8Array } };

export interface FromApartDisk {
  readonly id: number;
  readonly data?: Uint8Array;
  readonly failed?: { readonly code: ErrorCode; readonly message: string };
}

/** `id` of the answer that tells whether the disk could be opened. */
export const OPENED = 0;

type Done = (answer: FromApartDisk | EterneError) => void;

class ApartDisk implements SharedDisk {
  readonly #path: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Done>();
  #lastId = OPENED;

  constructor(path: string, done: (result: SharedDisk | EterneError) => void) {
    this.#path = path;
    this.#child = fork(MAIN, [path], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#waiting.set(OPENED, (answer) => {
      const error = errorOf(answer);
      if (error) this.close();
      done(error ?? this);
    });
    this.#child.on('message', (answer) => this.#answered(answer as FromApartDisk));
    this.#child.on('exit', () => this.#ended());
    this.#child.on('error', () => this.#ended());
  }

  read(offset: number, lengthBytes: number, done: (result: Buffer | EterneError) => void): void {
    this.#ask({ id: ++this.#lastId, read: { offset, lengthBytes } }, (answer) => {
      if (answer instanceof EterneError) return done(answer);
      const { data = new Uint8Array() } = answer;
      done(errorOf(answer) ?? Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    });
  }

  write(offset: number, from: Buffer, done: (error: EterneError | undefined) => void): void {
    this.#ask({ id: ++this.#lastId, write: { offset, from } }, (answer) => done(errorOf(answer)));
  }

  /** It ends with the channel, or by the signal where it hangs. */
  close(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.kill('SIGKILL');
  }

  #ask(message: ToApartDisk, done: Done): void {
    this.#waiting.set(message.id, done);
    this.#child.send(message, (error) => {
      if (error) this.#ended();
    });
  }

  #answered(answer: FromApartDisk): void {
    const done = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    done?.(answer);
  }

  #ended(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    const error = new EterneError('io', `the process that reads and writes ${this.#path} has ended`);
    for (const done of waiting) done(error);
  }
}

function errorOf(answer: FromApartDisk | EterneError): EterneError | undefined {
  if (answer instanceof EterneError) return answer;
  return answer.failed && new EterneError(answer.failed.code, answer.failed.message);
}

export const apartSharedDisks: SharedDisks = {
  open: (path, done) => void new ApartDisk(path, done),
};
