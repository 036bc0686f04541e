/**
 * Stands for a journal that is configured and cannot be opened: its device has failed or is away, or what it holds is damaged. The replica is
 * opened without it, and its metadata knows by then that nothing is kept (`adopt.ts`).
 *
 * What becomes of a copy that would overwrite something worth keeping is as when the journal fails while the replica runs: it waits for the operator
 * (`pause`), or goes on without a way back (`drop-oldest`).
 */
import { EterneError } from '@eterne/base';
import type { RescueDone } from './api.ts';
import { JOURNAL_LOST_HINT } from './log.ts';
import type { RescueParts, RescuePoints } from './rescue.ts';

type Parts = Pick<RescueParts, 'pause' | 'whenFull' | 'world'>;

export class LostRescue implements RescuePoints {
  readonly points = [];
  readonly copying = undefined;
  readonly copyingFrom = undefined;
  readonly before = undefined;
  readonly problem: string;
  readonly unreadable: EterneError;
  readonly #parts: Parts;

  constructor(reason: EterneError, parts: Parts) {
    this.problem = reason.message;
    this.unreadable = new EterneError('io', reason.message, { hint: JOURNAL_LOST_HINT });
    this.#parts = parts;
  }

  reconcile(_state: unknown, done: RescueDone): void {
    done(undefined);
  }

  begin(_note: unknown, _surplus: boolean, done: RescueDone): void {
    const { pause, whenFull, world } = this.#parts;
    if (whenFull === 'drop-oldest') {
      world.log('warn', `${this.problem}: the copy begins without a way back`);
      return done(undefined);
    }
    pause(this.unreadable);
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

  get isIdle(): boolean {
    return true;
  }

  release(done: (isReleased: boolean) => void): void {
    done(true);
  }

  close(done: () => void): void {
    done();
  }
}
