/** What the tests under random faults have in common: their seeds, and commands that come anywhere while time passes. */
import assert from 'node:assert/strict';
import type { OrderedLog } from '../../../src/ports.ts';
import { Safety, type SafeCluster } from './safety.ts';

interface LoadedCluster extends SafeCluster {
  readonly random: { chance(probability: number): boolean };
  run(durationMs: number): void;
  machine(id: string): { readonly log: Pick<OrderedLog<string>, 'append'> | undefined };
}

/** `ETERNE_ENGINE_SEED` names one; `ETERNE_ENGINE_SEEDS` says how many there are, else `count`. */
export function seedsOf(engine: 'RAFT' | 'ETCD', count: number): readonly number[] {
  const one = process.env[`ETERNE_${engine}_SEED`];
  if (one !== undefined) return [Number(one)];
  const length = Number(process.env[`ETERNE_${engine}_SEEDS`] ?? count);
  return Array.from({ length }, (_, index) => index + 1);
}

export class RandomLoad {
  readonly safety: Safety;
  readonly refused = new Set<string>();
  readonly #acknowledged = new Set<string>();
  readonly #cluster: LoadedCluster;
  readonly #pick: () => string;
  readonly #stepMs: number;
  #number = 0;

  /** `pick`: where the next command goes. */
  constructor(cluster: LoadedCluster, pick: () => string, stepMs: number) {
    this.#cluster = cluster;
    this.#pick = pick;
    this.#stepMs = stepMs;
    this.safety = new Safety(cluster);
  }

  /** Safety is checked after every step, and a command appended with this chance. */
  run(durationMs: number, appendChance: number): void {
    for (let spentMs = 0; spentMs < durationMs; spentMs += this.#stepMs) {
      this.#cluster.run(this.#stepMs);
      this.safety.check();
      const { log } = this.#cluster.machine(this.#pick());
      if (log && this.#cluster.random.chance(appendChance)) this.#append(log);
    }
  }

  /** The run shows something only if enough was acknowledged in it. */
  checkProgress(): void {
    const { size } = this.#acknowledged;
    assert.ok(size > 20, `only ${size} commands were acknowledged`);
  }

  /** All agree on one history, which has what was acknowledged. */
  checkConverged(): void {
    this.safety.checkConverged(this.#acknowledged);
  }

  #append(log: Pick<OrderedLog<string>, 'append'>): void {
    this.#number += 1;
    const command = `c${this.#number}`;
    log.append(command, ({ kind }) => {
      if (kind === 'applied') this.#acknowledged.add(command);
      if (kind === 'refused') this.refused.add(command);
    });
  }
}
