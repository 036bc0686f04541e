import type { SimNode } from '../world/node.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';
import { DISK_FAULTS } from './disks.ts';
import { LINK_FAULTS } from './links.ts';
import { MACHINE_FAULTS } from './machines.ts';

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
  /** A disk of the node is well again: what had given it up is to open it anew. */
  reattach(node: SimNode): void;
  /** Puts the disks of a node without power back to what they once were, as soon as the design promises to notice; `then` when it has, or cannot. */
  rollBack(node: SimNode, then: () => void): void;
}

/** Begins a fault; what it returns ends it. Undefined: it cannot happen now. */
export type Fault = (plan: FaultPlan, node: SimNode, chance: Prng) => (() => void) | undefined;

export const FAULTS: Readonly<Record<string, Fault>> = { ...MACHINE_FAULTS, ...LINK_FAULTS, ...DISK_FAULTS };

/** Of a cut: from here to there, and back. */
type Directions = readonly [boolean, boolean];

const LASTING_MS: readonly (readonly [number, readonly [number, number]])[] = [
  [4, [20, 400]],
  [4, [400, 2_000]],
  [2, [2_000, 6_000]],
];

const IN_VAIN_MAX = 8;

/** Faults overlap, but a machine suffers only one at a time, so that each is seen to end. */
export class FaultPlan {
  readonly victims: Victims;
  readonly counts = new Map<string, number>();
  private readonly chance: Prng;
  private readonly faults: Readonly<Record<string, Fault>>;
  private kinds: readonly string[];
  private triesInVain = 0;
  private readonly meanGapMs: number;
  private readonly active = new Map<SimNode, () => void>();
  private over = false;

  constructor(victims: Victims, faults = FAULTS) {
    this.victims = victims;
    this.faults = faults;
    this.chance = victims.universe.prng('faults');
    // Each seed has a temper of its own: few kinds of fault, often, or many kinds.
    const wanted = this.chance.between(0.25, 1);
    const kinds = Object.keys(faults).filter(() => this.chance.chance(wanted));
    this.kinds = kinds.length > 0 ? kinds : Object.keys(faults);
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
    return this.cutDirections(x, y, this.pickDirections(chance));
  }

  /** The same between a machine and every other. */
  cutOff(node: SimNode, directions: Directions): () => void {
    const heals = this.others(node).map((other) => this.cutDirections(node, other, directions));
    return () => {
      for (const heal of heals) heal();
    };
  }

  pickDirections(chance: Prng): Directions {
    return chance.weighted([
      [2, [true, true]],
      [1, [true, false]],
      [1, [false, true]],
    ] as const);
  }

  private cutDirections(x: SimNode, y: SimNode, [there, back]: Directions): () => void {
    const { network } = this.victims.universe;
    if (there) network.setLink(x, y, false);
    if (back) network.setLink(y, x, false);
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
    const fault = kind === undefined ? undefined : this.faults[kind];
    if (node === undefined || kind === undefined || fault === undefined) return;
    const [low, high] = chance.weighted(LASTING_MS);
    const lasting = chance.between(low, high);
    victims.universe.trace.line('FAULT', `${kind} at ${node.name} for ${lasting.toFixed(0)} ms`);
    const end = fault(this, node, chance);
    if (end === undefined) return this.wasInVain();
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.active.set(node, end);
    victims.universe.scheduler.after(lasting, () => this.end(node));
  }

  /** A temper of nothing but what cannot happen in this scenario is none. */
  private wasInVain(): void {
    this.triesInVain += 1;
    if (this.counts.size === 0 && this.triesInVain === IN_VAIN_MAX) this.kinds = Object.keys(this.faults);
  }

  private end(node: SimNode): void {
    const end = this.active.get(node);
    if (end === undefined) return;
    this.active.delete(node);
    this.victims.universe.trace.line('FAULT', `at ${node.name} ends`);
    end();
  }
}
