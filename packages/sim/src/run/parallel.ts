/** Seeds spread over child processes: each has its own heap, and a mutant never meets the real code. */
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import type { Processes } from '@eterne/runtime';
import type { RunOptions } from './options.ts';
import type { SeedResult } from './result.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
/** A child is slow until its code is compiled, which is forgotten with it. */
const CHUNK_SEEDS_MAX = 100;
/** Of a result. */
const LINE_LENGTH_MAX = 1024 * 1024;
/** Children fill the processors as it is: one collects its own garbage, seldom. Buffers count for that as what they are, and not many times. */
const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--single-threaded-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
  '--initial-old-space-size=400',
  '--external-memory-accounted-in-global-limit',
];

export interface Chunk extends Pick<
  RunOptions,
  'scenario' | 'firstSeed' | 'lastSeed' | 'mutant' | 'untilViolation'
> {
  readonly timeoutMs: number;
}

export interface ChunkResult {
  /** In order. */
  readonly results: readonly SeedResult[];
  /** Why the child did not finish: a hang, a crash of the simulator itself. */
  readonly trouble: string | undefined;
}

export function chunksOf(options: RunOptions, timeoutMs: number): Chunk[] {
  const { firstSeed, lastSeed, jobs } = options;
  const size = Math.min(CHUNK_SEEDS_MAX, Math.ceil((lastSeed - firstSeed + 1) / jobs));
  const chunks: Chunk[] = [];
  for (let first = firstSeed; first <= lastSeed; first += size)
    chunks.push({
      scenario: options.scenario,
      mutant: options.mutant,
      untilViolation: options.untilViolation,
      firstSeed: first,
      lastSeed: Math.min(lastSeed, first + size - 1),
      timeoutMs,
    });
  return chunks;
}

/** `onSeed` is told each result when it is there. */
export function runChunk(
  processes: Processes,
  node: string,
  chunk: Chunk,
  onSeed: (result: SeedResult) => void = () => undefined,
): Promise<ChunkResult> {
  const command: [string, ...string[]] = [
    node,
    ...NODE_FLAGS,
    MAIN,
    '--json',
    '--scenario',
    chunk.scenario,
    '--seeds',
    `${chunk.firstSeed}..${chunk.lastSeed}`,
    ...(chunk.mutant === undefined ? [] : ['--mutant', chunk.mutant]),
    ...(chunk.untilViolation ? ['--until-violation'] : []),
  ];
  const results: SeedResult[] = [];
  const onStdout = byLine((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return;
    const result = JSON.parse(line) as SeedResult;
    results.push(result);
    onSeed(result);
  });
  return new Promise((resolve) => {
    processes.spawn({ command, onStdout, timeoutMs: chunk.timeoutMs }, (exit) => {
      const finished = exit.code === 0 || exit.code === 1;
      const cause = exit.timedOut ? `no answer in ${chunk.timeoutMs} ms` : `exit ${exit.code ?? exit.signal}`;
      const trouble = finished && results.length > 0 ? undefined : `${cause} ${exit.stderr.slice(-2_000)}`;
      resolve({ results, trouble });
    });
  });
}

/** Calls back for each whole line of what comes in pieces. What is longer than any result is passed over. */
export function byLine(onLine: (line: string) => void): (text: string) => void {
  let begun = '';
  return (text) => {
    const lines = (begun + text).split('\n');
    begun = lines.pop() ?? '';
    if (begun.length > LINE_LENGTH_MAX) begun = '';
    for (const line of lines) onLine(line);
  };
}

/** Runs `work` on every item, `width` at a time, in order of starting. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  if (width < 1) throw new EterneError('usage', 'nothing can run zero at a time');
  const queue = [...items];
  const lanes = Array.from({ length: width }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  });
  await Promise.all(lanes);
}
