import { describe, test } from 'node:test';
import { Load, numbers } from './support/load.ts';
import { Mesh, type TestNode } from './support/mesh.ts';
import { Register } from './support/register.ts';

/** Nodes of a cluster that come and go under load; a fault never takes the last member of the set that others need. */
class Storm {
  readonly #random: (bound: number) => number;
  readonly #load: Load;
  readonly #register = new Register();
  readonly #mesh: Mesh;

  constructor(seed: number, names: readonly string[]) {
    this.#random = numbers(seed);
    this.#load = new Load(this.#random);
    const style = this.#random(3);
    const diskDelayMs = (): number =>
      style === 0 ? 0 : style === 1 ? this.#random(3) : this.#random(10) === 0 ? this.#random(40) : 0.1;
    this.#mesh = new Mesh(names, { arbiter: () => this.#register, diskDelayMs });
    if (this.#random(2) === 0) this.#mesh.network.pieceBytes = () => 1 + this.#random(9000);
    for (const node of this.#mesh.nodes) node.start();
    this.#register.promote(this.#mesh, this.#pick(this.#mesh.nodes), this.#mesh.nodes);
  }

  run(rounds: number): void {
    this.#mesh.until(() => this.#isWhole(), 30_000);
    for (let round = 0; round < rounds; round += 1) {
      this.#write();
      if (this.#random(12) === 0) this.#fault();
    }
    this.#settle();
  }

  get #primary(): TestNode {
    return this.#mesh.nodes.find(({ name }) => name === this.#register.holder) as TestNode;
  }

  #write(): void {
    for (let count = this.#random(6); count > 0; count -= 1)
      if (this.#primary.isUp) this.#load.step(this.#primary);
    this.#mesh.scheduler.runFor(this.#random(20));
  }

  #fault(): void {
    const { network, nodes } = this.#mesh;
    const primary = this.#primary;
    const others = nodes.filter((node) => node !== primary);
    const other = this.#pick(others);
    switch (this.#random(6)) {
      case 0:
        return other.isUp ? other.kill(this.#random(2) === 0) : other.start();
      case 1:
        return network.cut(other.name, this.#pick(nodes.filter((node) => node !== other)).name);
      case 2:
        return network.cutLinks.clear();
      case 3:
        return this.#takeOver(primary, others);
      default:
        for (const node of nodes) if (!node.isUp) node.start();
    }
  }

  #takeOver(primary: TestNode, others: readonly TestNode[]): void {
    const isMember = ({ isUp, name }: TestNode): boolean => isUp && this.#register.set.members.includes(name);
    const heirs = others.filter(isMember);
    if (heirs.length === 0 || this.#mesh.network.cutLinks.size > 0) return;
    if (this.#random(3) === 0) this.#mesh.demote(primary);
    else primary.kill(this.#random(2) === 0);
    this.#load.forgetBusy();
    if (this.#random(2) === 0) this.#mesh.scheduler.runFor(this.#random(30));
    // A demotion takes time, in which the set may have lost somebody.
    const left = [...heirs, primary].filter(isMember);
    this.#register.promote(this.#mesh, this.#pick(left), left);
  }

  #settle(): void {
    const { nodes, network } = this.#mesh;
    network.cutLinks.clear();
    for (const node of nodes) if (!node.isUp) node.start();
    this.#mesh.until(() => this.#load.inFlight === 0, 30_000);
    this.#mesh.until(() => this.#isWhole(), 30_000);
    this.#mesh.assertIdentical();
    this.#load.verify(this.#primary.data.content);
  }

  #isWhole(): boolean {
    const { nodes } = this.#mesh;
    return (
      this.#register.set.members.length === nodes.length &&
      this.#primary.volume.status().peers.every((peer) => peer.replication === 'Established') &&
      nodes.every((node) => node.volume.status().disk === 'UpToDate')
    );
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#random(values.length)] as T;
  }
}

describe('at random, several replicas', () => {
  for (let seed = 1; seed <= 6; seed += 1)
    test(`three, seed ${seed}`, () => new Storm(seed, ['a', 'b', 'c']).run(300));
  for (let seed = 1; seed <= 2; seed += 1)
    test(`four, seed ${seed}`, () => new Storm(100 + seed, ['a', 'b', 'c', 'd']).run(250));
});
