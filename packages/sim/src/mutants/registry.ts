/** The planted mutants: what each breaks, and where. */
import type { ScenarioName } from '../run/options.ts';

export interface Mutant {
  readonly name: string;
  readonly scenario: ScenarioName;
  /** Below `packages/`. */
  readonly file: string;
  /** Texts that occur exactly once, and what takes their place. */
  readonly edits: readonly (readonly [find: string, replace: string])[];
}

export const MUTANTS: readonly Mutant[] = [];
