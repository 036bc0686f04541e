import { SimNetwork } from './network.ts';
import { Prng } from './prng.ts';
import { Scheduler } from './scheduler.ts';
import { SimNode } from './node.ts';
import type { SimProgram } from './programs.ts';
import { Trace } from './trace.ts';

/** A promise of the design that this seed has broken. The run stops at the first one. */
export interface Violation {
  readonly checker: string;
  readonly message: string;
  readonly atMs: number;
}

/** More steps than this in so little simulated time, and the code under test goes round in a circle. Seeds have taken up to 6 400. */
const STEPS_MAX = 50_000;
const STEPS_WINDOW_MS = 1_000;

/** All there is in one simulated run: true time, chance, the network, the nodes, and the verdict. */
export class Universe {
  readonly seed: number;
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly network: SimNetwork;
  readonly nodes = new Map<string, SimNode>();
  /** What is installed on every machine, by its path. */
  readonly programs = new Map<string, SimProgram>();
  /** How often what is worth counting has happened: rows of the handshake, crash points. */
  readonly tally = new Map<string, number>();
  violation: Violation | undefined;
  private windowStartMs = 0;
  private windowSteps = 0;

  constructor(seed: number, options: { readonly keepLines: boolean }) {
    this.seed = seed;
    this.trace = new Trace(() => this.scheduler.nowMs, options.keepLines);
    this.network = new SimNetwork(this);
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  prng(name: string): Prng {
    return new Prng(this.seed, name);
  }

  addNode(name: string, hosts: readonly string[]): SimNode {
    const node = new SimNode(this, name, hosts);
    this.nodes.set(name, node);
    for (const host of hosts) this.network.assignHost(host, node);
    return node;
  }

  count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }

  violate(checker: string, message: string): void {
    if (this.violation !== undefined) return;
    this.violation = { checker, message, atMs: this.nowMs };
    this.trace.line('VIOLATION', `${checker}: ${message}`);
  }

  /** Lets the world run until `untilMs`, or until something is violated. */
  runUntil(untilMs: number): void {
    const { scheduler, trace } = this;
    while (this.violation === undefined && scheduler.step(untilMs)) {
      trace.mix(scheduler.nowMs);
      this.countStep(scheduler.nowMs);
    }
  }

  /** One of its steps was the simulator's alone: code under test had no part in it. */
  ownStep(): void {
    this.windowSteps -= 1;
  }

  /** A livelock is a violation, and not a seed that never ends. */
  private countStep(nowMs: number): void {
    if (nowMs - this.windowStartMs > STEPS_WINDOW_MS) {
      this.windowStartMs = nowMs;
      this.windowSteps = 0;
    }
    this.windowSteps += 1;
    if (this.windowSteps > STEPS_MAX)
      this.violate('livelock', `${STEPS_MAX} steps in ${(nowMs - this.windowStartMs).toFixed(3)} ms`);
  }
}
