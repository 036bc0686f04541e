/**
 * The tie-breaker of a pair by proof, as the log sees it: whoever has proven that the other has stopped has the majority, until it hears it again. How that is
 * proven is the real `proveStopped`.
 */
import { proveStopped } from '../../src/service/pair/prover.ts';
import type { TieView } from '../../src/service/view.ts';
import type { FakeCluster, FakeMachine } from './fake-cluster.ts';

export class FakePair {
  readonly #cluster: FakeCluster;
  readonly #proving = new Set<string>();
  #held: { readonly by: string; readonly peer: string; readonly how: string } | undefined;

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster;
  }

  get holder(): string | undefined {
    return this.#held?.by;
  }

  tieOf(name: string): TieView | undefined {
    const isHeld = this.#held?.by === name;
    const held = isHeld
      ? { peer: `${this.#held?.peer}#${this.#held?.peer}-voter`, how: this.#held?.how ?? '', knowsAll: true }
      : undefined;
    return { kind: 'proof', votes: true, trouble: undefined, held };
  }

  look(): void {
    for (const machine of this.#cluster.machines.values()) this.#lookAt(machine);
  }

  #lookAt(machine: FakeMachine): void {
    const { name, monitor, service, time, heart } = machine;
    const peer = [...this.#cluster.machines.keys()].find((other) => other !== name) ?? '';
    // Who was switched off meanwhile shoots nobody any more.
    const isLost = (node: string): boolean => heart.up && !this.#cluster.heardBy(name).includes(node);
    if (this.holder === name && !isLost(peer)) this.#held = undefined;
    const isIdle = heart.up && !machine.log.closed && this.holder === undefined && !this.#proving.has(name);
    if (!isIdle || !isLost(peer) || this.#cluster.reachesMajority(name)) return;
    this.#proving.add(name);
    const parts = { world: { timers: time }, self: name, monitor, state: () => service.state, isLost };
    const isSought = (): boolean => heart.up && this.holder === undefined;
    proveStopped(parts, 'proof', peer, isSought, (proof) => {
      this.#proving.delete(name);
      if ('how' in proof && heart.up) this.#held = { by: name, peer, how: proof.how };
    });
  }
}
