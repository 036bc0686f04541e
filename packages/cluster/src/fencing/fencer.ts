/**
 * The driver of a `FenceRun`: asks every agent once what it can do, then does one action after the other.
 *
 * 1. A node is fenced by one run at a time. Who asks meanwhile gets that run's result, unless the node may have begun another life in it already: of that life
 *    it proves nothing, and who still wants it fenced asks again.
 * 2. Who waits is answered as soon as the node is off, before anything switches it on again.
 * 3. Whatever happens an order is answered, at the latest when all its timeouts are over. Nothing is switched off after that: whoever asked has gone on by then, and
 *    the node may have begun another life.
 */
import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { FenceDevice } from '../state/model.ts';
import { readFenceMetadata, runFenceAgent } from './agent.ts';
import type { FenceAbilities } from './metadata.ts';
import { fenceOrderMs, type FenceOrder, type FenceResult } from './order.ts';
import { agentObstacle, FenceRun } from './run.ts';

export type FencerWorld = Pick<World, 'clock' | 'processes' | 'log'>;

type Answer = (result: FenceResult) => void;

interface Fencing {
  /** Undefined while the agents are asked what they can do. */
  run: FenceRun | undefined;
  readonly untilBootMs: number;
  readonly waiting: Answer[];
}

export class Fencer {
  readonly #world: FencerWorld;
  readonly #abilities = new Map<string, FenceAbilities>();
  /** By node. */
  readonly #fencings = new Map<string, Fencing>();

  constructor(world: FencerWorld) {
    this.#world = world;
  }

  fence(order: FenceOrder, done: Answer): void {
    const present = this.#fencings.get(order.node);
    if (present === undefined) this.#begin(order, [done]);
    else if (present.run?.answersNewcomers ?? true) present.waiting.push(done);
    else
      done({
        confirmed: false,
        reason: `${order.node} is only just being switched on again, after it was fenced`,
      });
  }

  #begin(order: FenceOrder, waiting: Answer[]): void {
    const { node, devices } = order;
    const untilBootMs = this.#world.clock.bootMs() + fenceOrderMs(order);
    const fencing: Fencing = { run: undefined, untilBootMs, waiting };
    this.#fencings.set(node, fencing);
    this.#world.log('warn', 'fencing', { node, agents: devices.map(({ agent }) => agent) });
    this.#learn(devices, new Map(), (abilities) => {
      fencing.run = new FenceRun(node, devices, abilities);
      this.#advance(node, fencing, fencing.run);
    });
  }

  /** Does the device answer? Changes nothing. Undefined: it does. */
  check(device: FenceDevice, done: (trouble: string | undefined) => void): void {
    this.#learn([device], new Map(), (abilities) => {
      const obstacle = agentObstacle(device.agent, abilities.get(device.agent));
      if (obstacle !== undefined) return done(obstacle);
      runFenceAgent(this.#world, device, 'monitor', (outcome) =>
        done(outcome.result === 'failed' ? `${device.agent}: ${outcome.reason}` : undefined),
      );
    });
  }

  #learn(
    devices: readonly FenceDevice[],
    known: Map<string, FenceAbilities | EterneError>,
    done: (abilities: ReadonlyMap<string, FenceAbilities | EterneError>) => void,
  ): void {
    const next = devices.find(({ agent }) => !known.has(agent));
    if (next === undefined) return done(known);
    const learnt = (abilities: FenceAbilities | EterneError): void => {
      if ('actions' in abilities) this.#abilities.set(next.agent, abilities);
      known.set(next.agent, abilities);
      this.#learn(devices, known, done);
    };
    const remembered = this.#abilities.get(next.agent);
    if (remembered) learnt(remembered);
    else readFenceMetadata(this.#world, next, learnt);
  }

  #advance(node: string, fencing: Fencing, run: FenceRun): void {
    const isLate = this.#world.clock.bootMs() >= fencing.untilBootMs;
    // Duty 3.
    if (isLate && (run.action?.verb === 'off' || run.action?.verb === 'reboot'))
      run.giveUp('the time for it is over');
    const { action, proof, result } = run;
    if (result) this.#ended(node, result);
    // Duty 2.
    if (proof) for (const answer of fencing.waiting.splice(0)) answer(proof);
    if (action === undefined) return;
    runFenceAgent(this.#world, action.device, action.verb, (outcome) => {
      run.took(outcome);
      this.#advance(node, fencing, run);
    });
  }

  #ended(node: string, { confirmed, reason }: FenceResult): void {
    this.#world.log(confirmed ? 'info' : 'error', 'fencing is over', { node, confirmed, reason });
    this.#fencings.delete(node);
  }
}
