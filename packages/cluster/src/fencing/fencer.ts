/**
 * The driver of a `FenceRun`: asks every agent once what it can do, then does one action after the other.
 *
 * 1. A node is fenced by one run at a time; who asks meanwhile gets that run's result.
 * 2. Whatever happens an order is answered, at the latest when all its timeouts are over.
 */
import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { FenceDevice } from '../state/model.ts';
import { readFenceMetadata, runFenceAgent } from './agent.ts';
import type { FenceAbilities } from './metadata.ts';
import type { FenceOrder, FenceResult } from './order.ts';
import { agentObstacle, FenceRun } from './run.ts';

export type FencerWorld = Pick<World, 'processes' | 'log'>;

export class Fencer {
  readonly #world: FencerWorld;
  readonly #abilities = new Map<string, FenceAbilities>();
  /** Node → who waits for the run that is on its way. */
  readonly #waiting = new Map<string, ((result: FenceResult) => void)[]>();

  constructor(world: FencerWorld) {
    this.#world = world;
  }

  fence(order: FenceOrder, done: (result: FenceResult) => void): void {
    const present = this.#waiting.get(order.node);
    if (present) return void present.push(done);
    this.#waiting.set(order.node, [done]);
    this.#world.log('warn', 'fencing', { node: order.node, agents: order.devices.map(({ agent }) => agent) });
    this.#learn(order.devices, new Map(), (abilities) =>
      this.#advance(new FenceRun(order.node, order.devices, abilities), (result) => {
        const { confirmed, reason } = result;
        this.#world.log(confirmed ? 'info' : 'error', 'fencing is over', {
          node: order.node,
          confirmed,
          reason,
        });
        const waiting = this.#waiting.get(order.node) ?? [];
        this.#waiting.delete(order.node);
        for (const answer of waiting) answer(result);
      }),
    );
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

  #advance(run: FenceRun, done: (result: FenceResult) => void): void {
    const { action, result } = run;
    if (result) return done(result);
    if (action === undefined) return undefined;
    return runFenceAgent(this.#world, action.device, action.verb, (outcome) => {
      run.took(outcome);
      this.#advance(run, done);
    });
  }
}
