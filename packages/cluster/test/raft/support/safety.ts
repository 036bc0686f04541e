/** What must hold at every moment of a run, whatever fails. */
import assert from 'node:assert/strict';
import type { EterneError } from '@eterne/base';
import type { LogLeadership } from '../../../src/ports.ts';

export interface SafeMachine {
  readonly id: string;
  readonly openError?: EterneError | undefined;
  readonly applied: readonly string[];
  readonly log: { leadership(): LogLeadership } | undefined;
  readonly clockOffsetMs: number;
  readonly clockRate: number;
}

export interface SafeCluster {
  readonly time: { readonly nowMs: number };
  readonly machines: ReadonlyMap<string, SafeMachine>;
}

export class Safety {
  readonly #cluster: SafeCluster;
  readonly #leaderOfTerm = new Map<number, string>();
  /** The latest moment, in virtual time, until which each machine has ever claimed to be the only leader. */
  readonly #claimedUntilMs = new Map<string, number>();
  /** The longest sequence of commands that any machine has applied. */
  #history: string[] = [];

  constructor(cluster: SafeCluster) {
    this.#cluster = cluster;
  }

  get history(): readonly string[] {
    return this.#history;
  }

  /** Call often. */
  check(): void {
    for (const machine of this.#cluster.machines.values()) {
      if (machine.openError) assert.fail(`${machine.id} cannot open its log: ${machine.openError.message}`);
      this.#checkApplied(machine.applied, machine.id);
      if (machine.log) this.#checkLeadership(machine, machine.log);
    }
  }

  /** State-machine safety; with it leader completeness, since whatever anybody applied stays in everybody's history. */
  #checkApplied(applied: readonly string[], id: string): void {
    const common = Math.min(applied.length, this.#history.length);
    const last = common - 1;
    assert.equal(applied[last], this.#history[last], `${id} disagrees at command ${common}`);
    if (applied.length > this.#history.length) this.#history = [...applied];
  }

  /** Election safety; and a leader's claim to be alone is never false. */
  #checkLeadership(machine: SafeMachine, log: NonNullable<SafeMachine['log']>): void {
    const cluster = this.#cluster;
    const { id } = machine;
    const { isLeader, raftTerm, authorityUntilBootMs } = log.leadership();
    if (!isLeader) return;
    const known = this.#leaderOfTerm.get(raftTerm);
    if (known === undefined) {
      for (const [other, untilMs] of this.#claimedUntilMs)
        if (other !== id)
          assert.ok(
            cluster.time.nowMs >= untilMs,
            `${id} leads term ${raftTerm} at ${cluster.time.nowMs}, ${other} claimed to be alone until ${untilMs}`,
          );
    } else assert.equal(known, id, `two leaders in term ${raftTerm}`);
    this.#leaderOfTerm.set(raftTerm, id);
    const untilMs = (authorityUntilBootMs - machine.clockOffsetMs) / machine.clockRate;
    this.#claimedUntilMs.set(id, Math.max(untilMs, this.#claimedUntilMs.get(id) ?? untilMs));
  }

  /** Every machine holds the same, completely and each command once. */
  checkConverged(acknowledged: ReadonlySet<string>): void {
    const all = new Set(this.#history);
    assert.equal(all.size, this.#history.length, 'no command is applied twice');
    for (const command of acknowledged) assert.ok(all.has(command), `acknowledged and lost: ${command}`);
    for (const machine of this.#cluster.machines.values())
      assert.deepEqual(machine.applied, this.#history, machine.id);
  }
}
