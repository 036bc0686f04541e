/** Folders and files of demonstrations and tools: synchronous, for programs that do nothing else meanwhile. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where temporary things belong. */
export const scratchRoot: string = tmpdir();

const CHUNK_BYTES = 4 * 1024 * 1024;

export function makeScratchFolder(prefix: string): string {
  return fs.mkdtempSync(join(scratchRoot, prefix));
}

export function makeFolders(paths: readonly string[]): void {
  for (const path of paths) fs.mkdirSync(path, { recursive: true, mode: 0o700 });
}

export function removeFolder(path: string): void {
  fs.rmSync(path, { recursive: true, force: true });
}

export function writeText(path: string, text: string): void {
  fs.writeFileSync(path, text, { mode: 0o600 });
}

/** Undefined when there is no such file. */
export function readText(path: string): string | undefined {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined;
}

/** A file's content in pieces. */
export function* readChunks(path: string): Generator<Buffer> {
  const fd = fs.openSync(path, 'r');
  try {
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const count = fs.readSync(fd, chunk, 0, chunk.length, null);
      if (count === 0) return;
      yield chunk.subarray(0, count);
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** When the newest file below `folder` was changed, ms since the epoch; 0 when there is none. */
export function newestChangeMs(folder: string): number {
  if (!fs.existsSync(folder)) return 0;
  return Math.max(
    0,
    ...fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => fs.statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
}
