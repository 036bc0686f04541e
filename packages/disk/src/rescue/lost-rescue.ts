/**
 * Stands for a journal that is configured and cannot be opened: its device has failed or is away, or what it holds is damaged. The replica is
 * opened without it, and its metadata knows by then that nothing is kept (`adopt.ts`).
 *
 * A copy that would overwrite something worth keeping waits for the operator, as it does when the journal fails while the replica runs.
 */
import { EterneError } from '@eterne/base';
import type { RescueDone } from './api.ts';
import type { RescuePoints } from './rescue.ts';

export class LostRescue implements RescuePoints {
  readonly points = [];
  readonly copying = undefined;
  readonly copyingFrom = undefined;
  readonly before = undefined;
  readonly problem: string;
  readonly unreadable: EterneError;
  readonly #pause: (reason: string) => void;

  /** `pause`: as in `RescueParts`. */
  constructor(reason: EterneError, pause: (reason: string) => void) {
    this.problem = reason.message;
    this.unreadable = new EterneError('io', reason.message, {
      hint: 'mend its device and open the volume again, or take `rescueJournal` out of the configuration to go on without one',
    });
    this.#pause = pause;
  }

  reconcile(_state: unknown, done: RescueDone): void {
    done(undefined);
  }

  begin(_note: unknown, _surplus: boolean, done: RescueDone): void {
    this.#pause(this.problem);
    done(this.unreadable);
  }

  /** One that went on from where it was cut short. */
  copied(done: RescueDone): void {
    done(undefined);
  }

  drop(_id: number, done: RescueDone): void {
    done(this.unreadable);
  }

  visit(_id: number, _each: unknown, done: RescueDone): void {
    done(this.unreadable);
  }

  undone(done: RescueDone): void {
    done(undefined);
  }

  close(done: () => void): void {
    done();
  }
}
