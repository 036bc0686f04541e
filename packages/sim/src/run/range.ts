/** A range of seeds over several processes, with a summary. */
import type { Clock, Processes, Timers } from '@eterne/runtime';
import type { RunOptions, ScenarioName } from './options.ts';
import { type Chunk, chunksOf, inParallel, runChunk } from './parallel.ts';
import { Progress } from './progress.ts';
import { describeSeed, faultCount, isBad, isTooEasy, type SeedResult } from './result.ts';
import { type Coverage, coverageOf, describeCoverage } from './tally.ts';

const CHUNK_TIMEOUT_MS = 60 * 60_000;
/** `--all-met`: so many at a time, and so many at most. */
const MORE_SEEDS = 50;
const MORE_SEEDS_MAX = 400;

export interface Doors {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly processes: Processes;
  /** The Node.js to run. */
  readonly node: string;
  readonly print: (line: string) => void;
  /** Lines about how far it is; undefined: nobody wants them. */
  readonly printProgress: ((line: string) => void) | undefined;
}

/** True when nothing was violated, every seed counts, and everything that was to be met was. */
export async function runRange(doors: Doors, options: RunOptions): Promise<boolean> {
  const { clock, timers, print, printProgress } = doors;
  const startedMs = clock.bootMs();
  const progress = new Progress(clock, timers, printProgress);
  const range = new Range(doors, progress);
  await range.run(options);
  const coverage = options.allMet ? await range.complete(options) : range.coverage(options.scenario);
  progress.end();
  print(summary(options.scenario, range.results, (clock.bootMs() - startedMs) / 1000));
  if (['mirror', 'equipped', 'standalone'].includes(options.scenario))
    for (const line of describeCoverage(options.scenario, coverage)) print(line);
  return range.failures === 0 && !(options.allMet && coverage.neverMet.length > 0);
}

class Range {
  readonly results: SeedResult[] = [];
  failures = 0;
  readonly #doors: Doors;
  readonly #progress: Progress;

  constructor(doors: Doors, progress: Progress) {
    this.#doors = doors;
    this.#progress = progress;
  }

  async run(options: RunOptions): Promise<void> {
    this.#progress.plan(options.lastSeed - options.firstSeed + 1);
    await inParallel(chunksOf(options, CHUNK_TIMEOUT_MS), options.jobs, (chunk) => this.#runChunk(chunk));
  }

  /** Chance may leave something out; then more seeds are run, but not for ever. */
  async complete(options: RunOptions): Promise<Coverage> {
    let coverage = this.coverage(options.scenario);
    for (let first = options.lastSeed + 1; first <= options.lastSeed + MORE_SEEDS_MAX; first += MORE_SEEDS) {
      if (coverage.neverMet.length === 0 || this.failures > 0) break;
      await this.run({ ...options, firstSeed: first, lastSeed: first + MORE_SEEDS - 1 });
      coverage = this.coverage(options.scenario);
    }
    return coverage;
  }

  coverage(scenario: ScenarioName): Coverage {
    return coverageOf(
      scenario,
      this.results.map(({ tally }) => tally),
    );
  }

  async #runChunk(chunk: Chunk): Promise<void> {
    const { processes, node, print } = this.#doors;
    const onSeed = (result: SeedResult): void => {
      this.#progress.saw(result);
      if (isBad(result)) print(describeSeed(result));
    };
    const { results, trouble } = await runChunk(processes, node, chunk, onSeed);
    this.results.push(...results);
    if (trouble !== undefined) print(`seeds ${chunk.firstSeed}..${chunk.lastSeed}: ${trouble}`);
    const isWhole = results.length === chunk.lastSeed - chunk.firstSeed + 1;
    this.failures += results.filter(isBad).length + (trouble !== undefined || !isWhole ? 1 : 0);
  }
}

function summary(scenario: ScenarioName, results: readonly SeedResult[], seconds: number): string {
  const sum = (figure: (result: SeedResult) => number): number =>
    results.reduce((total, result) => total + figure(result), 0);
  const kinds = new Map<string, number>();
  for (const { faults } of results)
    for (const [kind, count] of Object.entries(faults)) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  const faults = [...kinds]
    .toSorted(([x], [y]) => x.localeCompare(y))
    .map(([kind, count]) => `${kind} ${count}`);
  const violated = results.filter(({ violation }) => violation !== undefined).length;
  const least = (figure: (result: SeedResult) => number): number => Math.min(...results.map(figure));
  return [
    `${scenario}: ${results.length} seeds, ${violated} violated, ${results.filter(isTooEasy).length} too easy, ${seconds.toFixed(1)} s (${(results.length / seconds).toFixed(1)} seeds/s)`,
    `least per seed: ${(least(({ simulatedMs }) => simulatedMs) / 1000).toFixed(0)} s simulated, ${least(({ changes }) => changes)} changes, ${least(faultCount)} faults`,
    `in all: ${sum(({ operations }) => operations)} operations, ${sum(({ terms }) => terms)} terms, ${sum(faultCount)} faults: ${faults.join(', ')}`,
  ].join('\n');
}
