import type { SimProcess } from '../world/process.ts';
import type { Universe } from '../world/universe.ts';

/** Between two looks. */
const LOOK_MS = 5;
/** A machine that was stopped as a whole and continues gets so long to notice that its rights are over. */
const AWAKENING_MS = 150;

interface Runner {
  readonly process: SimProcess;
  stoppedMs: number;
}

/**
 * Invariant 4: a group never runs on two nodes. Judged on true time, on the group's own processes: whatever anybody believes, two
 * of them on two machines must never be able to act at once.
 */
export class OwnershipChecker {
  private readonly universe: Universe;
  private readonly group: string;
  private readonly runners = new Map<SimProcess, Runner>();

  constructor(universe: Universe, group: string) {
    this.universe = universe;
    this.group = group;
  }

  start(): void {
    this.universe.scheduler.after(LOOK_MS, () => {
      this.look();
      this.start();
    });
  }

  /** A process of the group has begun. */
  began(process: SimProcess): void {
    this.runners.set(process, { process, stoppedMs: Number.NEGATIVE_INFINITY });
    process.onDeath(() => this.runners.delete(process));
    this.look();
  }

  get running(): readonly SimProcess[] {
    return [...this.runners.keys()];
  }

  private look(): void {
    const { nowMs } = this.universe;
    const acting = new Set<string>();
    for (const runner of this.runners.values()) {
      if (runner.process.paused) runner.stoppedMs = nowMs;
      if (nowMs - runner.stoppedMs > AWAKENING_MS) acting.add(runner.process.node.name);
    }
    if (acting.size > 1)
      this.universe.violate('ownership', `group ${this.group} runs on ${[...acting].join(' and ')}`);
  }
}
