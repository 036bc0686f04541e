import type { SimDisk } from '../world/disk.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';

/** So often the disk of a rescue journal fails some time after a point of it has begun: while the copy goes on, or when something is kept. */
const CHANCE = 0.7;
const AFTER_MS = [0, 6_000] as const;
const LASTING_MS = [100, 3_000] as const;
/** So often whoever has mended it starts the process anew; else the process finds by itself that it is well. */
const RESTART_CHANCE = 0.5;

/** Every other disk of the machine goes on. */
export class JournalFaults {
  private readonly universe: Universe;
  private readonly chance: Prng;
  private readonly mending: Prng;
  private readonly reattach: (node: string) => void;
  private readonly broken = new Map<string, SimDisk>();
  private isOver = false;

  /** `reattach`: has what had given the disk up start anew. */
  constructor(universe: Universe, reattach: (node: string) => void) {
    this.universe = universe;
    this.chance = universe.prng('journal-faults');
    this.mending = universe.prng('journal-mending');
    this.reattach = reattach;
  }

  pointBegun(node: string, journal: SimDisk): void {
    const { chance, universe } = this;
    if (!chance.chance(CHANCE)) return;
    const [afterMs, lastingMs] = [chance.between(...AFTER_MS), chance.between(...LASTING_MS)];
    universe.scheduler.after(afterMs, () => {
      if (this.isOver || this.broken.has(node)) return;
      universe.trace.line('FAULT', `failing rescue journal at ${node} for ${lastingMs.toFixed(0)} ms`);
      universe.count('failing rescue journals');
      this.broken.set(node, journal);
      journal.broken = true;
      universe.scheduler.after(lastingMs, () => this.end(node));
    });
  }

  stop(): void {
    this.isOver = true;
    for (const node of Array.from(this.broken.keys())) this.end(node);
  }

  private end(node: string): void {
    const journal = this.broken.get(node);
    if (journal === undefined) return;
    this.broken.delete(node);
    journal.broken = false;
    if (this.mending.chance(RESTART_CHANCE)) this.reattach(node);
  }
}
