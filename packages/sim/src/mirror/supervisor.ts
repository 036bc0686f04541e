import type { SimNode } from '../world/node.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';

const RESTART_MS = [20, 800] as const;
const LOOK_MS = 1_000;

export interface Supervised {
  readonly nodes: readonly SimNode[];
  /** Of the process that was started last on a node. */
  pidOf(node: SimNode): number | undefined;
  start(node: SimNode): void;
}

/** A supervisor on every node: a disk process that died is started again after a while. */
export class Supervisor {
  readonly #universe: Universe;
  readonly #chance: Prng;
  readonly #supervised: Supervised;

  constructor(universe: Universe, chance: Prng, supervised: Supervised) {
    this.#universe = universe;
    this.#chance = chance;
    this.#supervised = supervised;
  }

  start(): void {
    for (const node of this.#supervised.nodes) this.revive(node);
    this.#universe.scheduler.after(LOOK_MS, () => this.start());
  }

  revive(node: SimNode): void {
    if (!node.poweredOn || node.processes.size > 0) return;
    const pid = this.#supervised.pidOf(node);
    this.#universe.scheduler.after(this.#chance.between(...RESTART_MS), () => {
      const restarted = this.#supervised.pidOf(node) !== pid;
      if (node.poweredOn && node.processes.size === 0 && !restarted) this.#supervised.start(node);
    });
  }
}
