/**
 * Hands that can be taken away, for a start or a stop. A start is a chain of commands: killed between two of them, a mount or an address would come a moment after
 * everything of the group had been taken away.
 *
 * From `cut` on what was started by these hands is killed, with its process group; nothing is started any more; and all time is up, so that whoever waits
 * for something gives up. A program that is not begun by the end of the time is not begun any more.
 */
import { EterneError } from '@eterne/base';
import type { ChildHandle, ProcessExit, SpawnOptions } from '@eterne/runtime';
import type { GuardedProcess } from '../heart/guard.ts';
import type { Hands } from './agents/agent.ts';
import type { FamilyOptions } from './spawner.ts';

const NO_CHILD: ChildHandle = { pid: undefined, startTime: undefined, kill: () => {} };

export class Leash {
  readonly hands: Hands;
  readonly #real: Hands;
  readonly #untilBootMs: number;
  readonly #children = new Set<ChildHandle>();
  #isCut = false;

  constructor(hands: Hands, timeoutMs: number) {
    const { clock, processes } = hands.world;
    this.#real = hands;
    this.#untilBootMs = clock.bootMs() + timeoutMs;
    this.hands = {
      ...hands,
      world: {
        ...hands.world,
        clock: {
          wallMs: () => clock.wallMs(),
          bootMs: () => (this.#isCut ? Number.POSITIVE_INFINITY : clock.bootMs()),
        },
        processes: {
          spawn: (options, onExit) => this.#spawn(options, onExit),
          alive: (pid, startTime) => processes.alive(pid, startTime),
          startTime: (pid) => processes.startTime(pid),
          killGroup: (pid, signal) => processes.killGroup(pid, signal),
          waitedForProcessorMs: (pid) => processes.waitedForProcessorMs(pid),
        },
      },
      spawner: {
        spawn: (options, done) => this.#spawnFamily(options, done),
        onExit: (listener) => hands.spawner.onExit(listener),
      },
    };
  }

  cut(): void {
    this.#isCut = true;
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #spawn(options: SpawnOptions, onExit: (exit: ProcessExit) => void): ChildHandle {
    const { processes, timers } = this.#real.world;
    if (this.#isCut) {
      const nothing = { code: null, signal: null, timedOut: false, stdout: '', stderr: '' };
      timers.soon(() => onExit({ ...nothing, startError: cutOff() }));
      return NO_CHILD;
    }
    const child = processes.spawn(options, (exit) => {
      this.#children.delete(child);
      onExit(exit);
    });
    this.#children.add(child);
    return child;
  }

  #spawnFamily(options: FamilyOptions, done: (result: GuardedProcess | EterneError) => void): void {
    const { spawner, world } = this.#real;
    if (this.#isCut) return world.timers.soon(() => done(cutOff()));
    spawner.spawn({ ...options, untilBootMs: this.#untilBootMs }, (result) => {
      if (!this.#isCut || result instanceof EterneError) return done(result);
      world.processes.killGroup(result.pid, 'SIGKILL');
      done(cutOff());
    });
  }
}

const cutOff = (): EterneError => new EterneError('refused', 'it was stopped while starting');
