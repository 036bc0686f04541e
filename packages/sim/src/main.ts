/**
 * `npm run sim`: replays one seed, runs a range of them, or proves with planted mutants that the simulator sees.
 * Exit codes: 0 nothing violated (and every mutant caught), 1 otherwise, 2 wrong usage.
 */
import { enableCompileCache } from 'node:module';
import { EterneError, exitCodeOf } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { plant } from './mutants/plant.ts';
import { HINTS, MUTANTS, type Mutant } from './mutants/registry.ts';
import { parseOptions, type RunOptions } from './run/options.ts';
import { type Chunk, chunksOf, inParallel, runChunk } from './run/parallel.ts';
import { describeSeed, faultCount, isTooEasy, type SeedResult } from './run/result.ts';
import { loadRunner } from './run/seeds.ts';
import { type Coverage, coverageOf, describeCoverage } from './run/tally.ts';

const SEED_TIMEOUT_MS = 60_000;
const MUTANT_TIMEOUT_MS = 300_000;
/** A mutant that survives so many seeds counts as not caught. */
const MUTANT_SEEDS = 150;
const SENTENCE_LENGTH = 120;
/** `--all-met`: so many at a time, and so many at most. */
const MORE_SEEDS = 50;
const MORE_SEEDS_MAX = 400;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const { clock, processes } = createNodeWorld('sim');

/** Seeds one after another in this process. */
async function runHere(options: RunOptions): Promise<boolean> {
  if (options.mutant !== undefined) plant(options.mutant);
  const run = await loadRunner(options.scenario);
  let clean = true;
  for (let seed = options.firstSeed; seed <= options.lastSeed; seed += 1) {
    const result = run(seed, { keepLines: options.log });
    clean &&= result.violation === undefined;
    for (const line of result.lines) print(line);
    print(options.json ? JSON.stringify({ ...result, lines: [] }) : describeSeed(result));
    if (result.violation !== undefined && options.untilViolation) break;
  }
  return clean;
}

/** A range of seeds over several processes, with a summary. */
async function runRange(options: RunOptions): Promise<boolean> {
  const startedMs = clock.bootMs();
  const run = await runChunks(options, chunksOf(options, SEED_TIMEOUT_MS * 10));
  const coverage = await (options.allMet
    ? completed(options, run)
    : coverageOf(options.scenario, run.results.map(tallyOf)));
  const seconds = (clock.bootMs() - startedMs) / 1000;
  print(summary(run.results, seconds));
  if (options.scenario === 'mirror' || options.scenario === 'equipped')
    for (const line of describeCoverage(options.scenario, coverage)) print(line);
  return run.failures === 0 && !(options.allMet && coverage.neverMet.length > 0);
}

interface Run {
  readonly results: SeedResult[];
  failures: number;
}

async function runChunks(
  options: RunOptions,
  chunks: readonly Chunk[],
  run: Run = { results: [], failures: 0 },
): Promise<Run> {
  await inParallel(chunks, options.jobs, async (chunk) => {
    const { results, trouble } = await runChunk(processes, process.execPath, chunk);
    run.results.push(...results);
    if (trouble !== undefined) print(`seeds ${chunk.firstSeed}..${chunk.lastSeed}: ${trouble}`);
    const bad = results.filter((result) => result.violation !== undefined || isTooEasy(result));
    for (const result of bad) print(describeSeed(result));
    const isWhole = results.length === chunk.lastSeed - chunk.firstSeed + 1;
    run.failures += bad.length + (trouble !== undefined || !isWhole ? 1 : 0);
  });
  return run;
}

/** Chance may leave something out; then more seeds are run, but not for ever. */
async function completed(options: RunOptions, run: Run): Promise<Coverage> {
  let coverage = coverageOf(options.scenario, run.results.map(tallyOf));
  for (let first = options.lastSeed + 1; first <= options.lastSeed + MORE_SEEDS_MAX; first += MORE_SEEDS) {
    if (coverage.neverMet.length === 0 || run.failures > 0) break;
    const more = { ...options, firstSeed: first, lastSeed: first + MORE_SEEDS - 1 };
    await runChunks(options, chunksOf(more, SEED_TIMEOUT_MS * 10), run);
    coverage = coverageOf(options.scenario, run.results.map(tallyOf));
  }
  return coverage;
}

function tallyOf({ tally }: SeedResult): SeedResult['tally'] {
  return tally;
}

function summary(results: readonly SeedResult[], seconds: number): string {
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
    `${results.length} seeds, ${violated} violated, ${results.filter(isTooEasy).length} too easy, ${seconds.toFixed(1)} s (${(results.length / seconds).toFixed(1)} seeds/s)`,
    `least per seed: ${(least(({ simulatedMs }) => simulatedMs) / 1000).toFixed(0)} s simulated, ${least(({ changes }) => changes)} changes, ${least(faultCount)} faults`,
    `in all: ${sum(({ operations }) => operations)} operations, ${sum(({ terms }) => terms)} terms, ${sum(faultCount)} faults: ${faults.join(', ')}`,
  ].join('\n');
}

/** Every planted mutant must be caught within `MUTANT_SEEDS` seeds. */
async function runMutants(options: RunOptions): Promise<boolean> {
  const mutants = MUTANTS.filter(({ scenario }) => scenario === options.scenario);
  let caught = 0;
  await inParallel(mutants, options.jobs, async (mutant) => {
    const startedMs = clock.bootMs();
    const hint = HINTS[mutant.name];
    let last = hint === undefined ? undefined : await tryMutant(mutant, hint, hint);
    if (last?.violation === undefined) last = await tryMutant(mutant, 1, MUTANT_SEEDS);
    const seconds = ((clock.bootMs() - startedMs) / 1000).toFixed(1);
    if (last?.violation === undefined) {
      print(`SURVIVES  ${mutant.name}: seeds 1..${last?.seed ?? 0}, ${seconds} s`);
      return;
    }
    caught += 1;
    const { checker, message } = last.violation;
    const sentence = message.split('\n')[0]?.slice(0, SENTENCE_LENGTH);
    print(`caught    ${mutant.name}: seed ${last.seed}, ${checker}: ${sentence} (${seconds} s)`);
  });
  print(`${caught} of ${mutants.length} mutants caught`);
  return caught === mutants.length;
}

/** The last seed that ran: the one that caught it, if any did. */
async function tryMutant(
  mutant: Mutant,
  firstSeed: number,
  lastSeed: number,
): Promise<SeedResult | undefined> {
  const { results } = await runChunk(processes, process.execPath, {
    scenario: mutant.scenario,
    mutant: mutant.name,
    untilViolation: true,
    firstSeed,
    lastSeed,
    timeoutMs: MUTANT_TIMEOUT_MS,
  });
  return results.at(-1);
}

async function main(): Promise<boolean> {
  // Most of a child's start is the compilation of what every child compiles.
  enableCompileCache();
  const options = parseOptions(process.argv.slice(2));
  if (options.mutants) return runMutants(options);
  const several = options.lastSeed > options.firstSeed;
  return several && !options.json && !options.log ? runRange(options) : runHere(options);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof EterneError)) throw error;
  process.stderr.write(`sim: ${error.message}\n${error.hint ?? ''}\n`);
  process.exitCode = exitCodeOf(error);
}
