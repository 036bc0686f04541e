import * as fs from 'node:fs';
import { tryLockFile } from './native.ts';

/** Held until the process ends, however it ends. */
export interface ProcessLock {
  readonly path: string;
}

/** Takes the lock file `path` for this process, or returns undefined when another living process has it. Throws on I/O errors. */
export function acquireProcessLock(path: string): ProcessLock | undefined {
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  if (tryLockFile(fd)) {
    fs.ftruncateSync(fd);
    fs.writeSync(fd, `${process.pid}\n`, 0);
    return { path };
  }
  fs.closeSync(fd);
  return undefined;
}
