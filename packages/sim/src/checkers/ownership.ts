import type { SimProcess } from '../world/process.ts';
import type { Universe } from '../world/universe.ts';

/** Between two looks. */
const LOOK_MS = 5;
/** A machine that was stopped as a whole and continues gets so long to notice that its rights are over. */
const AWAKENING_MS = 150;

/**
 * Invariant 4: a group never runs on two nodes. Judged on true time, on the group's own processes: whatever anybody believes, two
 * of them on two machines must never be able to act at once.
 */
export class OwnershipChecker {
  private readonly universe: Universe;
  private readonly group: string;
  private readonly mayShare: () => boolean;
  private readonly runners = new Set<SimProcess>();
  private watching = false;

  /** `mayShare`: both machines have been told to go on without the other. */
  constructor(universe: Universe, group: string, mayShare: () => boolean = () => false) {
    this.universe = universe;
    this.group = group;
    this.mayShare = mayShare;
  }

  /** A process of the group has begun. */
  began(process: SimProcess): void {
    this.runners.add(process);
    process.onDeath(() => this.runners.delete(process));
    this.watch();
  }

  get running(): readonly SimProcess[] {
    return [...this.runners];
  }

  /** Looks again and again for as long as the group has processes on several machines. */
  private watch(): void {
    if (this.watching) return;
    this.look();
    const machines = new Set(this.running.map(({ node }) => node));
    if (machines.size < 2) return;
    this.watching = true;
    this.universe.scheduler.after(LOOK_MS, () => {
      this.watching = false;
      this.watch();
    });
  }

  private look(): void {
    const { nowMs } = this.universe;
    const acting = new Set<string>();
    for (const { paused, continuedMs, node } of this.runners)
      if (!paused && nowMs - continuedMs > AWAKENING_MS) acting.add(node.name);
    if (acting.size > 1 && !this.mayShare())
      this.universe.violate('ownership', `group ${this.group} runs on ${[...acting].join(' and ')}`);
  }
}
