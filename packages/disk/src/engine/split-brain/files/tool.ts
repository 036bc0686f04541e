import type { Processes } from '@eterne/runtime';
import type { ChangedExtent, ChangedFile } from '../report.ts';

/** What a tool found out about some changed bytes. */
export interface FoundFiles {
  readonly files: readonly ChangedFile[];
  readonly otherBytes: number;
  /** Why it is not all; empty: it is. */
  readonly note: string;
}

export type FindFiles = (
  processes: Processes,
  devicePath: string,
  extents: readonly ChangedExtent[],
  done: (found: FoundFiles) => void,
) => void;

const TOOL_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Runs a well-kept tool that only reads. `done` with its output, or with why there is none. */
export function runTool(
  processes: Processes,
  command: readonly [string, ...string[]],
  stdin: string,
  done: (result: { readonly output: string } | { readonly note: string }) => void,
): void {
  const options = { command, stdin, captureBytes: MAX_OUTPUT_BYTES, timeoutMs: TOOL_TIMEOUT_MS };
  processes.spawn({ ...options, env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } }, (exit) => {
    const [tool] = command;
    if (exit.startError !== undefined) return done({ note: `${tool} is not installed` });
    if (exit.timedOut) return done({ note: `${tool} took longer than ${TOOL_TIMEOUT_MS / 1000} s` });
    if (exit.code !== 0) return done({ note: `${tool} failed: ${lastLine(exit.stderr)}` });
    done({ output: exit.stdout });
  });
}

export function nothingFound(extents: readonly ChangedExtent[], note: string): FoundFiles {
  return { files: [], otherBytes: sumOf(extents), note };
}

export function sumOf(extents: readonly ChangedExtent[]): number {
  return extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}

/** Units (blocks, clusters) of `unitBytes` that the extents touch, ascending; at most `limit`. */
export function unitsOf(
  extents: readonly ChangedExtent[],
  unitBytes: number,
  limit: number,
): { readonly units: readonly number[]; readonly isAll: boolean } {
  const units: number[] = [];
  for (const { offset, lengthBytes } of extents) {
    const end = Math.ceil((offset + lengthBytes) / unitBytes);
    const start = Math.max(Math.floor(offset / unitBytes), (units.at(-1) ?? -1) + 1);
    for (let unit = start; unit < end; unit += 1) {
      if (units.length >= limit) return { units, isAll: false };
      units.push(unit);
    }
  }
  return { units, isAll: true };
}

/** Bytes per path, most first. */
export class FileTally {
  readonly #bytes = new Map<string, number>();

  add(path: string, bytes: number): void {
    this.#bytes.set(path, (this.#bytes.get(path) ?? 0) + bytes);
  }

  get totalBytes(): number {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  get files(): readonly ChangedFile[] {
    return [...this.#bytes]
      .map(([path, changedBytes]) => ({ path, changedBytes }))
      .sort((a, b) => b.changedBytes - a.changedBytes || (a.path < b.path ? -1 : 1));
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
