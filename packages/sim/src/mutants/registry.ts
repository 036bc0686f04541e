/** The planted mutants: deliberate bugs, each of which the simulator must see. */
import type { ScenarioName } from '../run/options.ts';
import { CLUSTER_MUTANTS } from './cluster-mutants.ts';
import { MIRROR_MUTANTS } from './mirror-mutants.ts';

export interface Mutant {
  readonly name: string;
  readonly scenario: ScenarioName;
  readonly changes: readonly Change[];
}

export interface Change {
  /** Below `packages/`. */
  readonly file: string;
  /** Texts that occur exactly once, and what takes their place. */
  readonly edits: readonly Edit[];
}

export type Edit = readonly [find: string, replace: string];

export const MUTANTS: readonly Mutant[] = [...MIRROR_MUTANTS, ...CLUSTER_MUTANTS];
