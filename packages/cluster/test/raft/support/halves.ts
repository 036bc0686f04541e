/** A pair that prefers availability, and commands that come while its nodes part and give way. */
import assert from 'node:assert/strict';
import { otherOf } from './pair.ts';
import { VirtualCluster } from './virtual-cluster.ts';

export const NODES = ['n1', 'n2'] as const;

export const pair = (seed = 1, joiners: readonly string[] = []): VirtualCluster =>
  new VirtualCluster({ seed, voters: NODES, joiners, tie: 'solo' });

export function whole(cluster: VirtualCluster): void {
  cluster.run(4000);
  for (const id of NODES) {
    assert.equal(cluster.logOf(id).leadership().quorate, true, id);
    assert.equal(cluster.machine(id).transport?.tie?.solo?.half, undefined, `${id} is not alone`);
    assert.equal(cluster.machine(id).transport?.tie?.solo?.parted, undefined);
  }
}

export function started(seed = 1): { readonly cluster: VirtualCluster; readonly leader: string } {
  const cluster = pair(seed);
  const leader = cluster.waitForLeader();
  cluster.run(2000);
  return { cluster, leader };
}

/** What was acknowledged is in the history of the node that was asked, until that one gives way. */
export class HalvesLoad {
  readonly #cluster: VirtualCluster;
  readonly #acknowledged = new Map<string, Set<string>>(NODES.map((id) => [id, new Set()]));
  #number = 0;
  gaveWay = 0;
  total = 0;

  constructor(cluster: VirtualCluster) {
    this.#cluster = cluster;
  }

  run(durationMs: number, appendChance: number): void {
    const { random } = this.#cluster;
    for (let spentMs = 0; spentMs < durationMs; spentMs += 10) {
      this.#cluster.run(10);
      const id = random.chance(0.5) ? 'n1' : 'n2';
      this.#settle(id);
      if (random.chance(appendChance)) this.#append(id);
      this.check();
    }
  }

  /** One that was acknowledged to somebody is in his history from the moment that it is applied; what he applied in his life goes on from what he had. */
  check(): void {
    for (const id of NODES) {
      const { applied, openError } = this.#cluster.machine(id);
      assert.equal(openError, undefined, `${id} reads its log`);
      assert.equal(new Set(applied).size, applied.length, 'no command is applied twice');
    }
  }

  /** Converged: one history, and in it everything that was acknowledged to somebody who never gave way since. */
  finish(): void {
    const [first, second] = NODES.map((id) => this.#cluster.machine(id).applied);
    assert.deepEqual(first, second);
    for (const [id, commands] of this.#acknowledged)
      for (const command of commands)
        assert.ok(first?.includes(command), `${command}, acknowledged by ${id}, is lost`);
  }

  #settle(id: string): void {
    if (!this.#givesWay(id) || !this.#cluster.machine(id).log) return;
    const kept = new Set(this.#cluster.machine(otherOf(id)).applied);
    for (const command of this.#acknowledged.get(id) ?? [])
      if (!kept.has(command)) this.#acknowledged.get(id)?.delete(command);
    this.gaveWay += 1;
    this.#cluster.giveWay(id);
  }

  #givesWay(id: string): boolean {
    return this.#cluster.machine(id).transport?.tie?.solo?.parted?.survivor === 'theirs';
  }

  #append(id: string): void {
    this.#number += 1;
    const command = `c${this.#number}`;
    this.#cluster.machine(id).log?.append(command, ({ kind }) => {
      // A half that is about to give way acknowledges for nobody.
      if (kind !== 'applied' || this.#givesWay(id)) return;
      this.total += 1;
      this.#acknowledged.get(id)?.add(command);
    });
  }
}
