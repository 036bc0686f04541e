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
import { nightlyRanges } from './run/nightly.ts';
import { inParallel, runChunk } from './run/parallel.ts';
import { type Doors, runRange } from './run/range.ts';
import { describeSeed, type SeedResult } from './run/result.ts';
import { loadRunner } from './run/seeds.ts';

/** One that hangs is told from one that gets little of a processor. */
const MUTANT_TIMEOUT_MS = 30 * 60_000;
/** A mutant that survives so many seeds counts as not caught. */
const MUTANT_SEEDS = 150;
const SENTENCE_LENGTH = 120;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const { clock, timers, processes } = createNodeWorld('sim');

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

/** Lines about how far it is go to a terminal, or where `--progress` wants them. */
function doorsFor({ progress }: RunOptions): Doors {
  const printProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  const isWanted = progress || process.stderr.isTTY;
  return {
    clock,
    timers,
    processes,
    node: process.execPath,
    print,
    printProgress: isWanted ? printProgress : undefined,
  };
}

/** Goes on after a scenario that failed. */
async function runNight(options: RunOptions): Promise<boolean> {
  let clean = true;
  for (const range of nightlyRanges(options)) {
    print(`${range.scenario}: seeds ${range.firstSeed}..${range.lastSeed}`);
    clean = (await runRange(doorsFor(options), range)) && clean;
  }
  return clean;
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
  const { results, trouble } = await runChunk(processes, process.execPath, {
    scenario: mutant.scenario,
    mutant: mutant.name,
    untilViolation: true,
    firstSeed,
    lastSeed,
    timeoutMs: MUTANT_TIMEOUT_MS,
  });
  if (trouble !== undefined) print(`${mutant.name}: ${trouble}`);
  return results.at(-1);
}

async function main(): Promise<boolean> {
  // Most of a child's start is the compilation of what every child compiles.
  enableCompileCache();
  const options = parseOptions(process.argv.slice(2), clock.wallMs());
  if (options.mutants) return runMutants(options);
  if (options.nightly) return runNight(options);
  const several = options.lastSeed > options.firstSeed;
  return several && !options.json && !options.log ? runRange(doorsFor(options), options) : runHere(options);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof EterneError)) throw error;
  process.stderr.write(`sim: ${error.message}\n${error.hint ?? ''}\n`);
  process.exitCode = exitCodeOf(error);
}
