/**
 * Puts what the state machine must not forget on disk, one Ready at a time. Duties:
 * 1. A Ready's messages are handed on only after its write has succeeded.
 * 2. A failed write mutes the node: it sends nothing, so it neither votes, confirms nor leads; everything else on the node goes on.
 *    It speaks again once its whole state is on disk anew.
 * 3. A write that takes too long has not failed: it may still be done, and its messages leave then. But who waits for it must not lead (`isHung`).
 * 4. A life begins muted and counts as begun when its number of starts is on disk: two lives never number their commands alike.
 */
import type { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import type { RaftNode, Ready } from './node.ts';
import type { LogIdentity } from './storage/format.ts';
import { LogStore } from './storage/log-store.ts';

const REPAIR_EVERY_MS = 1000;
/** A disk that takes longer hangs. One that is merely slow delays what is decided, which an election would not mend. */
export const HUNG_AFTER_MS = 5000;

export interface PersisterEvents {
  /** Written: its messages may leave. Undefined for a rewrite that no Ready asked for. */
  readonly onWritten: (ready: Ready | undefined) => void;
  /** The node must fall silent. */
  readonly onFailed: (error: EterneError) => void;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'writing'; readonly sinceMs: number }
  /** What could not be written is still owed, and tried again. */
  | { readonly kind: 'muted'; readonly retry: Timer | undefined };

export class Persister {
  readonly #world: Pick<World, 'clock' | 'timers'>;
  readonly #store: LogStore;
  readonly #node: RaftNode;
  readonly #base: { readonly identity: LogIdentity; readonly starts: number };
  readonly #events: PersisterEvents;
  #state: State = { kind: 'muted', retry: undefined };
  #onIdle: (() => void) | undefined;

  constructor(
    world: Pick<World, 'clock' | 'timers' | 'files' | 'random'>,
    path: string,
    node: RaftNode,
    base: { readonly identity: LogIdentity; readonly starts: number },
    events: PersisterEvents,
  ) {
    this.#world = world;
    this.#store = new LogStore(world, path);
    this.#node = node;
    this.#base = base;
    this.#events = events;
  }

  get isIdle(): boolean {
    return this.#state.kind === 'idle';
  }

  get isMuted(): boolean {
    return this.#state.kind === 'muted';
  }

  /** What is being written should have been done long ago. */
  isHung(nowMs: number): boolean {
    return this.#state.kind === 'writing' && nowMs - this.#state.sinceMs >= HUNG_AFTER_MS;
  }

  #writing(): State {
    return { kind: 'writing', sinceMs: this.#world.clock.bootMs() };
  }

  /** Idle only. */
  write(ready: Ready): void {
    if (ready.write === 'none') return this.#events.onWritten(ready);
    if (ready.snapshot) return this.rewrite(ready);
    this.#state = this.#writing();
    this.#store.append(ready, ready.write === 'sync', (error) => this.#wrote(ready, error));
    return undefined;
  }

  /** A whole new file: at the start, after a compaction or a failure, or for a received snapshot. */
  rewrite(ready: Ready | undefined): void {
    if (!this.isMuted) this.#state = this.#writing();
    this.#store.rewrite({ ...this.#base, ...this.#node.durable }, (error) => this.#wrote(ready, error));
  }

  #wrote(ready: Ready | undefined, error: EterneError | undefined): void {
    if (this.#onIdle) return this.#store.close(this.#onIdle);
    if (!error) {
      this.#state = { kind: 'idle' };
      return this.#events.onWritten(ready);
    }
    const retry = this.#world.timers.after(REPAIR_EVERY_MS, () => this.rewrite(ready));
    this.#state = { kind: 'muted', retry };
    this.#events.onFailed(error);
    return undefined;
  }

  /** Waits for a write under way; nothing more is written or reported. */
  close(done: () => void): void {
    this.#onIdle = done;
    if (this.#state.kind === 'muted') this.#state.retry?.cancel();
    if (!this.#store.isBusy) this.#store.close(done);
  }
}
