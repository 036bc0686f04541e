import type { ScenarioName } from '../run/options.ts';
import type { Edit, Mutant } from './registry.ts';

/** Bugs of one scenario that change one file each. */
export function inOneFile(scenario: ScenarioName) {
  return (name: string, file: string, ...edits: readonly Edit[]): Mutant => ({
    name,
    scenario,
    changes: [{ file, edits }],
  });
}
