/**
 * The driver of one logical unit's persistent reservations.
 *
 * Duties:
 * 1. One PERSISTENT RESERVE OUT at a time, in the order of arrival.
 * 2. While APTPL is active a new state is durable before it takes effect and before GOOD. When it cannot be made durable the command
 *    fails and the old state stays.
 * 3. PREEMPT AND ABORT answers only when no task of a preempted port can reach the medium any more.
 */
import { EterneError } from '@eterne/base';
import { SENSE } from '@eterne/iscsi';
import type { ReservationClass } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { Nexus } from '../nexus.ts';
import { abortTasks } from '../reset.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { applyAction, type Notice, type ReservationAction } from './actions.ts';
import { NO_RESERVATIONS, conflicts, type ReservationState } from './state.ts';

/** Where reservations outlive the process: a file beside a plain LUN, the metadata of a mirrored volume. */
export interface ReservationStore {
  load(done: (result: ReservationState | EterneError) => void): void;
  /** Of a state without APTPL nothing is kept, so nothing need be saved. */
  readonly aptplOnly: boolean;
  /** Durable when done without an error. */
  save(state: ReservationState, done: (error: EterneError | undefined) => void): void;
}

interface Job {
  readonly action: ReservationAction;
  readonly unit: LogicalUnit;
  readonly request: ScsiRequest;
}

export class ReservationKeeper {
  readonly #store: ReservationStore;
  readonly #queue: Job[] = [];
  #busy = false;
  #state: ReservationState;

  private constructor(store: ReservationStore, state: ReservationState) {
    this.#store = store;
    this.#state = state;
  }

  static open(store: ReservationStore, done: (result: ReservationKeeper | EterneError) => void): void {
    store.load((result) =>
      done(result instanceof EterneError ? result : new ReservationKeeper(store, result)),
    );
  }

  /** For logical units whose reservations need not outlive the process. */
  static volatile(): ReservationKeeper {
    return new ReservationKeeper(
      { aptplOnly: true, load: () => {}, save: (_state, done) => done(undefined) },
      NO_RESERVATIONS,
    );
  }

  get state(): ReservationState {
    return this.#state;
  }

  /** Anybody is registered; then RESERVE (6) and RELEASE (6) are excluded. */
  get inUse(): boolean {
    return this.#state.registrations.length > 0;
  }

  conflicts(nexus: Nexus, commandClass: ReservationClass): boolean {
    return this.#state.reservation !== undefined && conflicts(this.#state, nexus.initiatorPort, commandClass);
  }

  perform(action: ReservationAction, unit: LogicalUnit, request: ScsiRequest): void {
    this.#queue.push({ action, unit, request });
    this.#advance();
  }

  #advance(): void {
    if (this.#busy) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    this.#busy = true;
    this.#run(job, () => {
      this.#busy = false;
      this.#advance();
    });
  }

  #run({ action, unit, request }: Job, end: () => void): void {
    const outcome = applyAction(this.#state, action);
    if (outcome.kind === 'done') {
      return this.#persist(outcome.state, (error) => {
        if (error === undefined) this.#take(outcome.state, outcome.notices, outcome.abort, unit, request);
        else request.check(SENSE.internalTargetFailure);
        end();
      });
    }
    if (outcome.kind === 'conflict') request.conflict();
    else request.check(outcome.sense);
    end();
  }

  #persist(state: ReservationState, done: (error: EterneError | undefined) => void): void {
    const nothingKept = this.#store.aptplOnly && !state.aptpl && !this.#state.aptpl;
    if (state === this.#state || nothingKept) return done(undefined);
    this.#store.save(state, done);
  }

  #take(
    state: ReservationState,
    notices: readonly Notice[],
    abort: readonly string[],
    unit: LogicalUnit,
    request: ScsiRequest,
  ): void {
    this.#state = state;
    for (const { port, sense } of notices) unit.attention(sense, (nexus) => nexus.initiatorPort === port);
    abortTasks(
      unit,
      (port) => abort.includes(port),
      request,
      () => request.good(),
    );
  }
}
