import type { Prng } from '../world/prng.ts';
import type { SimNode } from '../world/node.ts';
import type { Universe } from '../world/universe.ts';
import type { CoverageChecker } from './coverage.ts';

/** How often a crash of everything is imagined, to judge what it would leave. */
const IMAGINE_MS = [500, 4_000] as const;
const IMAGINE_CHANCE = 0.15;
const DARK_CHANCE = 0.4;
const SOON_MS = 5;

/** Invariant 3, at random instants, and just when something is being written down, which is when the order of writes matters. */
export class CrashImaginer {
  private readonly universe: Universe;
  private readonly coverage: CoverageChecker;
  private readonly nodes: readonly SimNode[];
  private readonly chance: Prng;

  constructor(universe: Universe, coverage: CoverageChecker, nodes: readonly SimNode[], chance: Prng) {
    this.universe = universe;
    this.coverage = coverage;
    this.nodes = nodes;
    this.chance = chance;
  }

  start(): void {
    this.universe.scheduler.after(this.chance.between(...IMAGINE_MS), () => {
      this.imagine();
      this.start();
    });
  }

  /** Metadata are being written; `isCritical`: each time it is looked at what a crash would leave. */
  metadataChanged(isCritical = false): void {
    if (!isCritical && !this.chance.chance(IMAGINE_CHANCE)) return;
    this.universe.scheduler.after(this.chance.between(0, SOON_MS), () => this.imagine());
  }

  private imagine(): void {
    const dark = new Set(this.nodes.filter(() => this.chance.chance(DARK_CHANCE)).map(({ name }) => name));
    const uncovered = this.coverage.findUncovered(dark);
    if (uncovered !== undefined) this.universe.violate('coverage', uncovered);
  }
}
