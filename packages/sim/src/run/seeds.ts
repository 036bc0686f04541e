import type { ScenarioName } from './options.ts';
import type { SeedResult } from './result.ts';

type Runner = (seed: number, options: { readonly keepLines: boolean }) => SeedResult;

/** Small buffers are cut from pieces of this size: each piece costs a call into the system, and counts for the garbage collector. */
const POOL_BYTES = 1024 * 1024;

/** Loaded late, so that a mutant can be planted before any code under test is. */
export async function loadRunner(scenario: ScenarioName): Promise<Runner> {
  Buffer.poolSize = POOL_BYTES;
  switch (scenario) {
    case 'mirror':
      return (await import('../mirror/scenario.ts')).runMirror;
    case 'equipped':
      return (await import('../equipped/scenario.ts')).runEquipped;
    case 'standalone':
      return (await import('../standalone/scenario.ts')).runStandalone;
    case 'cluster':
      return (await import('../cluster/scenario.ts')).runCluster;
    case 'large':
      return (await import('../cluster/scenario.ts')).runLarge;
    case 'pair':
      return (await import('../cluster/scenario.ts')).runPair;
    case 'fencing':
      return (await import('../cluster/scenario.ts')).runFencing;
    case 'upgrade':
      return (await import('../cluster/scenario.ts')).runUpgrade;
    case 'profile':
      return (await import('../cluster/scenario.ts')).runProfile;
    case 'orders':
      return (await import('../cluster/scenario.ts')).runOrders;
    case 'members':
      return (await import('../cluster/scenario.ts')).runMembers;
    case 'halves':
      return (await import('../cluster/halves/scenario.ts')).runHalves;
  }
}
