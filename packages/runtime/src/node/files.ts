import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { EterneError } from '@eterne/base';
import type { FileHandle, Files } from '../ports.ts';
import { systemError } from './errno.ts';

type Failure = (error: EterneError | undefined) => void;

class NodeFile implements FileHandle {
  sizeBytes: number;
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string, fd: number, sizeBytes: number) {
    this.#path = path;
    this.#fd = fd;
    this.sizeBytes = sizeBytes;
  }

  readAt(offset: number, lengthBytes: number, done: (result: Buffer | EterneError) => void): void {
    const into = Buffer.alloc(lengthBytes);
    const step = (filled: number): void => {
      fs.read(this.#fd, into, filled, lengthBytes - filled, offset + filled, (error, count) => {
        if (error) return done(systemError(`read ${this.#path}`, error));
        if (count === 0 || filled + count === lengthBytes) return done(into.subarray(0, filled + count));
        step(filled + count);
      });
    };
    step(0);
  }

  writeAt(offset: number, from: Buffer, done: Failure): void {
    const step = (written: number): void => {
      fs.write(this.#fd, from, written, from.length - written, offset + written, (error, count) => {
        if (error) return done(systemError(`write ${this.#path}`, error));
        this.sizeBytes = Math.max(this.sizeBytes, offset + written + count);
        if (written + count === from.length) return done(undefined);
        step(written + count);
      });
    };
    step(0);
  }

  truncate(sizeBytes: number, done: Failure): void {
    fs.ftruncate(this.#fd, sizeBytes, (error) => {
      if (!error) this.sizeBytes = sizeBytes;
      done(error ? systemError(`truncate ${this.#path}`, error) : undefined);
    });
  }

  sync(done: Failure): void {
    fs.fdatasync(this.#fd, (error) => done(error ? systemError(`fsync ${this.#path}`, error) : undefined));
  }

  close(done: () => void): void {
    fs.close(this.#fd, () => done());
  }
}

/** fsync of a folder, so that a rename or creation in it survives a power loss. */
function syncFolder(folder: string, done: Failure): void {
  fs.open(folder, 'r', (openError, fd) => {
    if (openError) return done(systemError(`open ${folder}`, openError));
    fs.fsync(fd, (error) => {
      fs.close(fd, () => done(error ? systemError(`fsync ${folder}`, error) : undefined));
    });
  });
}

function writeDurably(path: string, content: Buffer, mode: number, done: Failure): void {
  fs.open(path, 'w', mode, (openError, fd) => {
    if (openError) return done(systemError(`create ${path}`, openError));
    const finish = (what: string, error: NodeJS.ErrnoException | null): void => {
      fs.close(fd, () => done(error ? systemError(`${what} ${path}`, error) : undefined));
    };
    fs.writeFile(fd, content, (writeError) => {
      if (writeError) return finish('write', writeError);
      fs.fsync(fd, (error) => finish('fsync', error));
    });
  });
}

export const nodeFiles: Files = {
  openFile(path, done) {
    fs.open(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600, (error, fd) => {
      if (error) return done(systemError(`open ${path}`, error));
      fs.fstat(fd, (statError, stats) => {
        if (statError) return done(systemError(`stat ${path}`, statError));
        syncFolder(dirname(path), (syncError) => done(syncError ?? new NodeFile(path, fd, stats.size)));
      });
    });
  },
  readFile(path, done) {
    fs.readFile(path, (error, content) => {
      if (error?.code === 'ENOENT') return done(undefined);
      done(error ? systemError(`read ${path}`, error) : content);
    });
  },
  writeFileAtomic(path, content, mode, done) {
    const temporary = `${path}.new`;
    writeDurably(temporary, content, mode, (writeError) => {
      if (writeError) return done(writeError);
      fs.rename(temporary, path, (error) => {
        if (error) return done(systemError(`rename ${temporary}`, error));
        syncFolder(dirname(path), done);
      });
    });
  },
  remove(path, done) {
    fs.rm(path, { force: true }, (error) => {
      if (error) return done(systemError(`remove ${path}`, error));
      syncFolder(dirname(path), done);
    });
  },
  list(folder, done) {
    fs.readdir(folder, (error, names) => done(error ? systemError(`list ${folder}`, error) : names.sort()));
  },
  makeFolder(path, done) {
    fs.mkdir(path, { recursive: true, mode: 0o700 }, (error) => {
      done(error ? systemError(`create ${path}`, error) : undefined);
    });
  },
  realPath(path, done) {
    fs.realpath.native(path, (error, real) => done(error ? undefined : real));
  },
};
