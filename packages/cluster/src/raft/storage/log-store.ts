/**
 * The log file on the `Files` port. Duties:
 * 1. `append` with `sync` calls back only after the batch, and every batch before it, is on stable storage.
 * 2. One write at a time.
 * 3. A new life begins with `rewrite`: a torn tail of the last one is never appended to.
 * 4. `rewrite` replaces the file atomically; a crash leaves the old one or the new one.
 * 5. After any failure the file counts as lost: nothing is appended any more, and only a `rewrite` from memory heals it.
 */
import { assert, EterneError } from '@eterne/base';
import type { FileHandle, Files, Random } from '@eterne/runtime';
import type { Entry, HardState } from '../types.ts';
import type { LogIdentity, LogRecord } from './format.ts';
import { encodeBatch, encodeFileHeader } from './format.ts';
import type { LogImage } from './recover.ts';
import { recoverLog } from './recover.ts';

const MODE = 0o600;

type Done = (error: EterneError | undefined) => void;

export interface LogStorePorts {
  readonly files: Files;
  readonly random: Random;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly nonce: number;
  sizeBytes: number;
  lastBatch: number;
  syncedBatch: number;
}

export class LogStore {
  readonly #ports: LogStorePorts;
  readonly #path: string;
  /** Undefined until the first `rewrite` and after a failure. */
  #file: OpenFile | undefined;
  #busy = false;

  constructor(ports: LogStorePorts, path: string) {
    this.#ports = ports;
    this.#path = path;
  }

  get isBusy(): boolean {
    return this.#busy;
  }

  append(
    batch: { readonly hardState: HardState; readonly entries: readonly Entry[] },
    sync: boolean,
    done: Done,
  ): void {
    const file = this.#file;
    assert(!this.#busy && file !== undefined, 'one write at a time, and none to a file that failed');
    this.#busy = true;
    const records: LogRecord[] = batch.entries.map((entry) => ({ type: 'entry', entry }));
    records.push({ type: 'hard-state', hardState: batch.hardState });
    const number = file.lastBatch + 1;
    const bytes = encodeBatch(file.nonce, number, file.syncedBatch, records);
    const finish = (error: EterneError | undefined): void => {
      if (error) return this.#fail(error, done);
      this.#busy = false;
      file.lastBatch = number;
      file.sizeBytes += bytes.length;
      if (sync) file.syncedBatch = number;
      done(undefined);
      return undefined;
    };
    file.handle.writeAt(file.sizeBytes, bytes, (error) => {
      if (error || !sync) finish(error);
      else file.handle.sync(finish);
    });
  }

  /** Replaces the file by `image`. */
  rewrite(image: LogImage, done: Done): void {
    assert(!this.#busy, 'one write at a time');
    this.#busy = true;
    writeImage(this.#ports, this.#path, image, (written) => {
      if (written instanceof EterneError) return this.#fail(written, done);
      this.#ports.files.openFile(this.#path, (handle) => {
        if (handle instanceof EterneError) return this.#fail(handle, done);
        const old = this.#file?.handle;
        this.#file = { ...written, handle, lastBatch: 1, syncedBatch: 1 };
        this.#busy = false;
        if (old) old.close(() => done(undefined));
        else done(undefined);
        return undefined;
      });
      return undefined;
    });
  }

  #fail(error: EterneError, done: Done): void {
    const failed = this.#file?.handle;
    this.#file = undefined;
    this.#busy = false;
    if (failed) failed.close(() => done(error));
    else done(error);
  }

  /** Nothing may be under way. */
  close(done: () => void): void {
    assert(!this.#busy, 'nothing is being written');
    const file = this.#file;
    this.#file = undefined;
    if (file) file.handle.close(done);
    else done();
  }
}

function writeImage(
  { files, random }: LogStorePorts,
  path: string,
  image: LogImage,
  done: (result: { readonly nonce: number; readonly sizeBytes: number } | EterneError) => void,
): void {
  const nonce = random.bytes(4).readUInt32LE();
  const records: LogRecord[] = [
    { type: 'identity', identity: image.identity },
    { type: 'starts', starts: image.starts },
    { type: 'snapshot', snapshot: image.snapshot },
    ...image.entries.map((entry): LogRecord => ({ type: 'entry', entry })),
    { type: 'hard-state', hardState: image.hardState },
  ];
  const content = Buffer.concat([encodeFileHeader(nonce), encodeBatch(nonce, 1, 0, records)]);
  files.writeFileAtomic(path, content, MODE, (error) => {
    done(error ?? { nonce, sizeBytes: content.length });
  });
}

/** A new member's log. Refuses to replace one that is there. */
export function createLogFile(ports: LogStorePorts, path: string, image: LogImage, done: Done): void {
  ports.files.readFile(path, (present) => {
    if (present instanceof EterneError) return done(present);
    if (present !== undefined)
      return done(new EterneError('exists', `there is a cluster log already: ${path}`));
    return replaceLogFile(ports, path, image, done);
  });
}

/** The log of a member that does not run, anew. */
export function replaceLogFile(ports: LogStorePorts, path: string, image: LogImage, done: Done): void {
  writeImage(ports, path, image, (written) => done(written instanceof EterneError ? written : undefined));
}

/** What `identity` wrote in its last life. Changes nothing on disk. */
export function readLogFile(
  files: Files,
  path: string,
  identity: LogIdentity,
  done: (result: LogImage | EterneError) => void,
): void {
  files.readFile(path, (bytes) => {
    if (bytes instanceof EterneError) return done(bytes);
    if (bytes === undefined) return done(lost(path, identity));
    const image = recoverLog(bytes);
    if (image instanceof EterneError) return done(image);
    const { cluster, member } = image.identity;
    if (cluster !== identity.cluster || member !== identity.member)
      return done(foreign(path, image.identity));
    return done(image);
  });
}

function lost(path: string, identity: LogIdentity): EterneError {
  return new EterneError('corrupt', `the cluster log of ${identity.member} is gone: ${path}`, {
    hint: 'a voter that forgot its votes must not vote again: remove this node from the cluster and join it anew',
  });
}

function foreign(path: string, found: LogIdentity): EterneError {
  return new EterneError(
    'refused',
    `${path} is the log of ${found.member} in cluster ${found.cluster}, not of this node`,
  );
}
