/** The long run of a night: 2,000 seeds, most of what is quick, some of everything. */
import type { RunOptions, ScenarioName } from './options.ts';

export const NIGHTLY: Readonly<Record<ScenarioName, number>> = {
  mirror: 920,
  standalone: 400,
  equipped: 200,
  cluster: 150,
  large: 10,
  pair: 80,
  fencing: 60,
  upgrade: 40,
  profile: 20,
  halves: 40,
  orders: 40,
  members: 40,
};

const DAY_MS = 24 * 60 * 60 * 1000;
/** As many as a scenario has at most, so that no night repeats what another has run before so many nights have passed. */
const SEEDS_PER_NIGHT = 1_000;
const NIGHTS = 10_000;
/** Above the ranges that CI and the cases use. */
const FIRST_SEED = 1_000_001;

export function firstOfNight(wallMs: number): number {
  return FIRST_SEED + (Math.floor(wallMs / DAY_MS) % NIGHTS) * SEEDS_PER_NIGHT;
}

/** One range of each scenario, from `options.firstSeed` on. */
export function nightlyRanges(options: RunOptions): RunOptions[] {
  const scenarios = Object.keys(NIGHTLY) as ScenarioName[];
  return scenarios.map((scenario) => rangeOf(scenario, options));
}

function rangeOf(scenario: ScenarioName, options: RunOptions): RunOptions {
  const lastSeed = options.firstSeed + NIGHTLY[scenario] - 1;
  return { ...options, scenario, lastSeed, allMet: scenario === 'mirror' || scenario === 'equipped' };
}
