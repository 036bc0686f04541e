import { parseArgs } from 'node:util';
import { EterneError } from '@eterne/base';
import { firstOfNight } from './nightly.ts';

export const SCENARIOS = [
  'mirror',
  'equipped',
  'standalone',
  'cluster',
  'large',
  'pair',
  'fencing',
  'upgrade',
  'profile',
  'halves',
  'orders',
  'members',
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

export interface RunOptions {
  readonly scenario: ScenarioName;
  readonly firstSeed: number;
  readonly lastSeed: number;
  /** Print the trace of each seed. */
  readonly log: boolean;
  /** Run every planted mutant instead of the real code. */
  readonly mutants: boolean;
  /** Run the seeds on this mutant. */
  readonly mutant: string | undefined;
  /** Stop at the first violation. */
  readonly untilViolation: boolean;
  /** One JSON object a line, for the parent of a parallel run. */
  readonly json: boolean;
  readonly jobs: number;
  /** A share of `NIGHTLY` of every scenario instead of one range. */
  readonly nightly: boolean;
  /** A line every 10 s, also where nobody watches. */
  readonly progress: boolean;
  /** More seeds behind the range, until every row of the handshake and every crash point was met. */
  readonly allMet: boolean;
}

export const USAGE = `usage: npm run sim -- [--scenario mirror|equipped|standalone|cluster|large|pair|fencing|upgrade|profile|halves|orders|members] [--seed N | --seeds A..B] [--log] [--jobs N] [--all-met] [--progress]
                     [--mutants | --mutant NAME]
       npm run sim -- --nightly [--seed N] [--jobs N] [--progress]`;

const SEED_MAX = 2 ** 31;
const JOBS_MAX = 64;

/** Throws `usage` for anything it does not understand. `wallMs`: now; every night has seeds of its own. */
export function parseOptions(args: readonly string[], wallMs: number): RunOptions {
  const { values } = parse(args);
  const scenario = values.scenario ?? 'mirror';
  if (!isScenario(scenario)) throw usage(`no scenario ${scenario}: ${SCENARIOS.join(' or ')}`);
  const one = values.seed ?? (values.nightly === true ? firstOfNight(wallMs) : 1);
  const range = /^(\d+)\.\.(\d+)$/.exec(values.seeds ?? `${one}..${one}`);
  const [firstSeed, lastSeed] = [Number(range?.[1]), Number(range?.[2])];
  if (!(firstSeed <= lastSeed && lastSeed < SEED_MAX)) throw usage('seeds are --seed N or --seeds A..B');
  if (values.nightly === true && (values.scenario ?? values.seeds) !== undefined)
    throw usage('--nightly has scenarios and ranges of its own; --seed N says where they begin');
  const jobs = Number(values.jobs ?? 2);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > JOBS_MAX) throw usage(`--jobs is 1 to ${JOBS_MAX}`);
  return {
    scenario,
    firstSeed,
    lastSeed,
    log: values.log ?? false,
    mutants: values.mutants ?? false,
    mutant: values.mutant,
    untilViolation: values['until-violation'] ?? false,
    json: values.json ?? false,
    jobs,
    allMet: values['all-met'] ?? false,
    nightly: values.nightly ?? false,
    progress: values.progress ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string' },
        seed: { type: 'string' },
        seeds: { type: 'string' },
        log: { type: 'boolean' },
        mutants: { type: 'boolean' },
        mutant: { type: 'string' },
        'until-violation': { type: 'boolean' },
        json: { type: 'boolean' },
        jobs: { type: 'string' },
        'all-met': { type: 'boolean' },
        nightly: { type: 'boolean' },
        progress: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function isScenario(name: string): name is ScenarioName {
  return SCENARIOS.some((known) => known === name);
}

function usage(message: string): EterneError {
  return new EterneError('usage', message, { hint: USAGE });
}
