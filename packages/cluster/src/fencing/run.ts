/**
 * How one node is fenced, as a state machine: the action to do next, then its outcome. Pure.
 *
 *   level 1: off + status of every device ──all off──► on of those that say `reboot` ──► confirmed
 *        │ one device fails, retries included
 *        ▼
 *   level 2 … ──no level left──► not confirmed
 *
 * 1. Devices of one level are the power supplies of one node: all of them have to be off before any is on again.
 * 2. Off is what `status` says, not what `off` claims. An agent that has no `status` is taken at its word; one that has no `off` is asked
 *    to `reboot` and taken at its word.
 * 3. A timeout is a failure. A failed action is tried again `retries` times, then its level has failed.
 * 4. That a node does not come on again changes nothing: it is off. Nor does it prove anything of what it begins when it does: `proof` is there before
 *    anything is switched on, and says nothing to who asks only then (`answersNewcomers`).
 * 5. Nothing is switched off any more once it is given up: whoever asked has been answered, and the node may have begun another life.
 * 6. A device that only cuts off a disk or a network confirms nothing; neither does a heuristic alone.
 */
import { assert, EterneError } from '@eterne/base';
import type { FenceDevice } from '../state/model.ts';
import type { FenceOutcome, FenceVerb } from './agent.ts';
import type { FenceAbilities } from './metadata.ts';
import type { FenceResult } from './order.ts';

export interface FenceAction {
  readonly device: FenceDevice;
  readonly verb: FenceVerb;
}

/** They succeed when this node is in a state to fence others; nobody is off by it. */
const HEURISTIC = /(^|\/)fence_heuristics_/;

type Step =
  | { readonly kind: 'off' | 'verify'; readonly index: number; readonly attempt: number }
  | { readonly kind: 'on'; readonly index: number }
  | { readonly kind: 'over'; readonly result: FenceResult };

/** Why an agent cannot be used to make certain of a node; undefined: it can. */
export function agentObstacle(
  agent: string,
  abilities: FenceAbilities | EterneError | undefined,
): string | undefined {
  if (abilities === undefined) return `${agent} is unknown`;
  if (abilities instanceof EterneError) return abilities.message;
  return abilities.isFabric ? `${agent} only cuts a node off; its services would run on` : undefined;
}

export class FenceRun {
  readonly #node: string;
  readonly #abilities: ReadonlyMap<string, FenceAbilities | EterneError>;
  readonly #levels: readonly (readonly FenceDevice[])[];
  readonly #failures: string[] = [];
  #level = 0;
  #step: Step;
  #notes: string[] = [];

  constructor(
    node: string,
    devices: readonly FenceDevice[],
    abilities: ReadonlyMap<string, FenceAbilities | EterneError>,
  ) {
    this.#node = node;
    this.#abilities = abilities;
    const numbers = [...new Set(devices.map(({ level }) => level))].sort((x, y) => x - y);
    this.#levels = numbers.map((number) => devices.filter(({ level }) => level === number));
    this.#step = { kind: 'off', index: 0, attempt: 0 };
    this.#enterLevel(0);
  }

  get result(): FenceResult | undefined {
    return this.#step.kind === 'over' ? this.#step.result : undefined;
  }

  /** The node is certain to be off, or to have been: what ran when this was asked for does not run any more. */
  get proof(): FenceResult | undefined {
    return this.#step.kind === 'on' ? this.#confirmed() : this.result;
  }

  /** What it will prove has yet to happen, so it will be true of whatever runs now. After a reboot is asked for nobody knows that. */
  get answersNewcomers(): boolean {
    if (this.#step.kind !== 'off' && this.#step.kind !== 'verify') return false;
    const device = this.#devices[this.#step.index];
    return device !== undefined && this.#can(device, 'off');
  }

  /** What to do now; undefined when it is over. */
  get action(): FenceAction | undefined {
    if (this.#step.kind === 'over') return undefined;
    const device = this.#devices[this.#step.index];
    assert(device !== undefined, 'a step is about a device of its level');
    if (this.#step.kind === 'verify') return { device, verb: 'status' };
    if (this.#step.kind === 'on') return { device, verb: 'on' };
    return { device, verb: this.#can(device, 'off') ? 'off' : 'reboot' };
  }

  /** The outcome of `action`. */
  took({ result, reason }: FenceOutcome): void {
    const step = this.#step;
    switch (step.kind) {
      case 'off':
        if (result === 'failed') return this.#again(step.index, step.attempt, reason);
        return this.#needsProof(step.index)
          ? this.#go({ ...step, kind: 'verify' })
          : this.#offDone(step.index);
      case 'verify':
        if (result === 'off') return this.#offDone(step.index);
        return this.#again(step.index, step.attempt, reason === '' ? 'its power is still on' : reason);
      case 'on':
        if (result === 'failed') this.#notes.push(`it was not switched on again: ${reason}`);
        return this.#nextOn(step.index + 1);
      case 'over':
        return undefined;
    }
  }

  /** Before an action that switches off (rule 5). */
  giveUp(reason: string): void {
    this.#failures.push(reason);
    this.#fail();
  }

  get #devices(): readonly FenceDevice[] {
    return this.#levels[this.#level] ?? [];
  }

  #can({ agent }: FenceDevice, verb: FenceVerb): boolean {
    const abilities = this.#abilities.get(agent);
    return abilities !== undefined && !(abilities instanceof EterneError) && abilities.actions.has(verb);
  }

  #needsProof(index: number): boolean {
    const device = this.#devices[index];
    return device !== undefined && this.#can(device, 'off') && this.#can(device, 'status');
  }

  #go(step: Step): void {
    this.#step = step;
  }

  #enterLevel(level: number): void {
    this.#level = level;
    if (level >= this.#levels.length) return this.#fail();
    const obstacle = this.#obstacle();
    if (obstacle === undefined) return this.#go({ kind: 'off', index: 0, attempt: 0 });
    this.#failures.push(obstacle);
    this.#enterLevel(level + 1);
  }

  /** Rule 6, and agents that are not there. */
  #obstacle(): string | undefined {
    for (const { agent } of this.#devices) {
      const obstacle = agentObstacle(agent, this.#abilities.get(agent));
      if (obstacle !== undefined) return obstacle;
    }
    const agents = this.#devices.map(({ agent }) => agent);
    if (agents.every((agent) => HEURISTIC.test(agent))) return `${agents.join(', ')} alone stops nobody`;
    return undefined;
  }

  #again(index: number, attempt: number, reason: string): void {
    const device = this.#devices[index];
    if (device !== undefined && attempt < device.retries)
      return this.#go({ kind: 'off', index, attempt: attempt + 1 });
    this.#failures.push(`${device?.agent ?? ''} (level ${device?.level ?? 0}): ${reason}`);
    this.#enterLevel(this.#level + 1);
  }

  #offDone(index: number): void {
    if (index + 1 < this.#devices.length) return this.#go({ kind: 'off', index: index + 1, attempt: 0 });
    this.#nextOn(0);
  }

  #nextOn(from: number): void {
    const index = this.#devices.findIndex(
      (device, at) =>
        at >= from &&
        device.action === 'reboot' &&
        this.#can(device, 'off') &&
        this.#can(device, 'on') &&
        !HEURISTIC.test(device.agent),
    );
    if (index >= 0) return this.#go({ kind: 'on', index });
    this.#go({ kind: 'over', result: this.#confirmed() });
  }

  #confirmed(): FenceResult {
    const by = this.#devices.map(({ agent }) => agent).join(' and ');
    const notes = [...this.#failures, ...this.#notes].join('; ');
    const reason = `${this.#node} was switched off by ${by}${notes === '' ? '' : ` (${notes})`}`;
    return { confirmed: true, reason };
  }

  #fail(): void {
    const why = this.#failures.length === 0 ? 'it has no fence device' : this.#failures.join('; ');
    this.#go({ kind: 'over', result: { confirmed: false, reason: why } });
  }
}
