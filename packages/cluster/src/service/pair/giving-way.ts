/**
 * Ends this node's half of a pair when both went on alone and this one gives way:
 *
 *   it lets go of everything it runs, in order → its log is to be put back (raft/tie/rewind.ts) → its service ends, and is started again
 *
 * While something cannot be stopped it goes on alone: no half is given up under a program that still writes.
 */
import type { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import type { TieView } from '../view.ts';

const LOOK_INTERVAL_MS = 500;
/** Within this what runs is stopped, or it is tried anew. */
const STOP_TIMEOUT_MS = 60_000;

export interface GivingWayParts {
  readonly world: Pick<World, 'timers' | 'log'>;
  readonly tie: () => TieView | undefined;
  /** Lets go of every group. */
  readonly leave: (timeoutMs: number, done: () => void) => void;
  /** For certain, also after a restart of the service. */
  readonly hasLetGo: () => boolean;
  readonly giveWay: (done: (error: EterneError | undefined) => void) => void;
  /** Ends the service; it begins anew. */
  readonly restart: () => void;
}

export class GivingWay {
  readonly #parts: GivingWayParts;
  readonly #timer: Timer;
  #busy = false;

  constructor(parts: GivingWayParts) {
    this.#parts = parts;
    this.#timer = parts.world.timers.every(LOOK_INTERVAL_MS, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { tie, leave, world } = this.#parts;
    if (this.#busy || !mustGiveWay(tie())) return;
    this.#busy = true;
    world.log('warn', 'the other node went on alone too, and this one gives way: it lets go of everything');
    leave(STOP_TIMEOUT_MS, () => this.#stopped());
  }

  #stopped(): void {
    const { hasLetGo, giveWay, restart, world } = this.#parts;
    if (!hasLetGo()) {
      this.#busy = false;
      return;
    }
    giveWay((error) => {
      if (error === undefined) return restart();
      world.log('error', `this node’s log cannot be put back: ${error.message}`);
      this.#busy = false;
    });
  }
}

/** There is a half of its own to give up: one that never was alone, beside an operator's word on the other, has to join anew. */
export function mustGiveWay(tie: TieView | undefined): boolean {
  const parted = tie?.solo?.parted;
  return parted?.survivor === 'theirs' && parted.mine !== undefined;
}
