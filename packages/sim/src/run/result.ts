import type { History } from '../checkers/history.ts';
import type { Universe, Violation } from '../world/universe.ts';

/** What one seed came to. Plain data, so that it can travel between processes as JSON. */
export interface SeedResult {
  readonly seed: number;
  /** Equal for two runs of one seed by the same code, and for nothing else. */
  readonly hash: string;
  readonly violation: Violation | undefined;
  readonly simulatedMs: number;
  readonly steps: number;
  /** Operations that clients began, and the writes and discards among them. */
  readonly operations: number;
  readonly changes: number;
  readonly terms: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Handshake rows and crash points, and how often each was met. */
  readonly tally: Readonly<Record<string, number>>;
  readonly lines: readonly string[];
}

/** As far as the seed has come. `terms`: in which a device was served. */
export function resultOf(
  universe: Universe,
  history: History,
  faults: ReadonlyMap<string, number>,
  terms: number,
): SeedResult {
  return {
    seed: universe.seed,
    hash: universe.trace.hash,
    violation: universe.violation,
    simulatedMs: universe.nowMs,
    steps: universe.scheduler.steps,
    operations: history.operations.length,
    changes: history.changeCount,
    terms,
    faults: Object.fromEntries(faults),
    tally: Object.fromEntries(universe.tally),
    lines: universe.trace.lines,
  };
}

export function faultCount({ faults }: SeedResult): number {
  return Object.values(faults).reduce((sum, count) => sum + count, 0);
}

export const SIMULATED_MS_MIN = 60_000;
const CHANGES_MIN = 500;
const FAULTS_MIN = 5;

/** Enough has been written and gone wrong for the seed to count (DESIGN §9). */
export function isFull(result: SeedResult): boolean {
  return result.changes >= CHANGES_MIN && faultCount(result) >= FAULTS_MIN;
}

/** A seed that ran to its end without having been a test. */
export function isTooEasy(result: SeedResult): boolean {
  return result.violation === undefined && !(isFull(result) && result.simulatedMs >= SIMULATED_MS_MIN);
}

/** It fails a run. */
export function isBad(result: SeedResult): boolean {
  return result.violation !== undefined || isTooEasy(result);
}

export function describeSeed(result: SeedResult): string {
  const { seed, hash, simulatedMs, changes, operations, terms, violation } = result;
  const figures = `${(simulatedMs / 1000).toFixed(1)} s simulated, ${operations} operations (${changes} changes), ${faultCount(result)} faults, ${terms} terms`;
  const verdict =
    violation === undefined
      ? isTooEasy(result)
        ? 'TOO EASY: too little was written or went wrong'
        : 'ok'
      : `VIOLATES ${violation.checker} at ${violation.atMs.toFixed(3)} ms: ${violation.message}`;
  return `seed ${seed} hash ${hash}: ${figures}: ${verdict}`;
}
