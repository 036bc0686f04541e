import type { SimNode } from '../world/node.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';

/** What a scenario lets its fault plan do to it. */
export interface Victims {
  readonly universe: Universe;
  /** The machines that may be harmed. */
  readonly nodes: readonly SimNode[];
  /** Machines that are only ever cut off. */
  readonly bystanders: readonly SimNode[];
  /** Asks for an orderly move of the primary. */
  switchOver(): void;
  /** Starts the node's processes again, if it has power and they are dead. */
  revive(node: SimNode): void;
}

/** Begins a fault; what it returns ends it. */
type Fault = (plan: FaultPlan, node: SimNode, chance: Prng) => () => void;

const LASTING_MS: readonly (readonly [number, readonly [number, number]])[] = [
  [4, [20, 400]],
  [4, [400, 2_000]],
  [2, [2_000, 6_000]],
];

const FAULTS: Readonly<Record<string, Fault>> = {
  'kill of all': ({ victims }, node) => {
    for (const process of Array.from(node.processes)) process.crash();
    return () => victims.revive(node);
  },
  'kill of one': ({ victims }, node, chance) => {
    chance.pick([...node.processes])?.crash();
    return () => victims.revive(node);
  },
  'kill in the middle of disk operations': ({ victims }, node, chance) => {
    for (const process of node.processes) process.crashAfterOperations(chance.whole(1, 60));
    return () => {
      for (const process of node.processes) process.crashAfterOperations(0);
      victims.revive(node);
    };
  },
  'power loss': ({ victims }, node) => {
    node.powerOff();
    return () => {
      node.powerOn();
      victims.revive(node);
    };
  },
  'power loss of all': ({ victims }) => {
    for (const node of victims.nodes) node.powerOff();
    return () => {
      for (const node of victims.nodes) node.powerOn();
      for (const node of victims.nodes) victims.revive(node);
    };
  },
  'pause of one': (_plan, node, chance) => {
    const stopped = chance.pick([...node.processes]);
    stopped?.pause();
    return () => stopped?.resume();
  },
  'pause of all': (_plan, node) => {
    const stopped = [...node.processes];
    for (const process of stopped) process.pause();
    return () => {
      for (const process of stopped) process.resume();
    };
  },
  cut: (plan, node, chance) => plan.cut([node, plan.other(node)], chance),
  isolation: (plan, node, chance) => {
    const heals = plan.others(node).map((other) => plan.cut([node, other], chance));
    return () => {
      for (const heal of heals) heal();
    };
  },
  'slow link': (plan, node, chance) => {
    const { network } = plan.victims.universe;
    const links = plan.others(node).map((other) => network.linkBetween(node, other));
    const before = links.map(({ latencyMs }) => latencyMs);
    for (const link of links) link.latencyMs = [1, chance.between(2, 150)];
    return () => {
      for (const [i, link] of links.entries()) link.latencyMs = before[i] ?? link.latencyMs;
    };
  },
  'lossy link': (plan, node, chance) => {
    const { network } = plan.victims.universe;
    const links = plan.others(node).map((other) => network.linkBetween(node, other));
    for (const link of links) Object.assign(link, { loss: chance.between(0.05, 0.6), duplicates: 0.2 });
    return () => {
      for (const link of links) Object.assign(link, { loss: 0, duplicates: 0 });
    };
  },
  'slow disk': (_plan, node, chance) => {
    const disks = [...node.disks.values()];
    const before = disks.map(({ temper }) => temper);
    for (const disk of disks)
      disk.temper = {
        syncChance: 0,
        latencyMs: [1, chance.between(2, 80)],
        flushLatencyMs: [5, chance.between(10, 300)],
      };
    return () => {
      for (const [i, disk] of disks.entries()) disk.temper = before[i] ?? disk.temper;
    };
  },
  'hanging disk': (_plan, node, chance) => {
    const disk = chance.pick([...node.disks.values()]);
    if (disk === undefined) return () => undefined;
    disk.hanging = true;
    return () => {
      disk.hanging = false;
    };
  },
  'wall clock step': (_plan, node, chance) => {
    node.stepWallClock(chance.between(-1e7, 1e7));
    return () => undefined;
  },
  'switch-over': ({ victims }) => {
    victims.switchOver();
    return () => undefined;
  },
};

/** Faults overlap, but a machine suffers only one at a time, so that each is seen to end. */
export class FaultPlan {
  readonly victims: Victims;
  readonly counts = new Map<string, number>();
  private readonly chance: Prng;
  private readonly kinds: readonly string[];
  private readonly meanGapMs: number;
  private readonly active = new Map<SimNode, () => void>();
  private over = false;

  constructor(victims: Victims) {
    this.victims = victims;
    this.chance = victims.universe.prng('faults');
    // Each seed has a temper of its own: few kinds of fault, often, or many kinds.
    const wanted = this.chance.between(0.25, 1);
    const kinds = Object.keys(FAULTS).filter(() => this.chance.chance(wanted));
    this.kinds = kinds.length > 0 ? kinds : Object.keys(FAULTS);
    this.meanGapMs = this.chance.between(800, 5_000);
  }

  get count(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  start(): void {
    this.planNext();
  }

  /** Ends every fault; the world is whole again. */
  stop(): void {
    this.over = true;
    for (const node of Array.from(this.active.keys())) this.end(node);
  }

  others(node: SimNode): SimNode[] {
    const { nodes, bystanders } = this.victims;
    return [...nodes, ...bystanders].filter((candidate) => candidate !== node);
  }

  other(node: SimNode): SimNode {
    return this.chance.pick(this.others(node)) ?? node;
  }

  /** Cuts one or both directions between two machines. */
  cut([x, y]: readonly [SimNode, SimNode], chance: Prng): () => void {
    const { network } = this.victims.universe;
    const which = chance.weighted([
      [2, [true, true]],
      [1, [true, false]],
      [1, [false, true]],
    ] as const);
    if (which[0]) network.setLink(x, y, false);
    if (which[1]) network.setLink(y, x, false);
    return () => {
      network.setLink(x, y, true);
      network.setLink(y, x, true);
    };
  }

  private planNext(): void {
    const gap = this.chance.between(0.2, 1.8) * this.meanGapMs;
    this.victims.universe.scheduler.after(gap, () => {
      if (this.over) return;
      this.begin();
      this.planNext();
    });
  }

  private begin(): void {
    const { chance, victims } = this;
    const free = victims.nodes.filter((node) => !this.active.has(node) && node.processes.size > 0);
    const node = chance.pick(free);
    const kind = chance.pick(this.kinds);
    const fault = kind === undefined ? undefined : FAULTS[kind];
    if (node === undefined || kind === undefined || fault === undefined) return;
    const [low, high] = chance.weighted(LASTING_MS);
    const lasting = chance.between(low, high);
    victims.universe.trace.line('FAULT', `${kind} at ${node.name} for ${lasting.toFixed(0)} ms`);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.active.set(node, fault(this, node, chance));
    victims.universe.scheduler.after(lasting, () => this.end(node));
  }

  private end(node: SimNode): void {
    const end = this.active.get(node);
    if (end === undefined) return;
    this.active.delete(node);
    this.victims.universe.trace.line('FAULT', `at ${node.name} ends`);
    end();
  }
}
