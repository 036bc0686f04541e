/**
 * The live state: one stream of server-sent events, kept as a store that React reads. The stream reconnects by itself
 * (the browser resumes after the last event it saw); what has gone silent is closed and opened again.
 */
import { useSyncExternalStore } from 'react';
import type { ClusterEvent, ClusterStatus } from './types.ts';

export interface LiveState {
  readonly status: ClusterStatus | null;
  /** Oldest first, the newest `EVENTS_KEPT`. */
  readonly events: readonly ClusterEvent[];
  /** False: what is shown may be old. */
  readonly connected: boolean;
}

const EVENTS_KEPT = 500;
/** The server says something at least every 2 s. */
const SILENCE_MS = 7_000;
const RETRY_MS = 1_000;

export class LiveStore {
  #state: LiveState = { status: null, events: [], connected: false };
  #source: EventSource | null = null;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #onRefused: () => void;

  /** `onRefused`: the stream was turned down, so the session may be over. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  readonly state = (): LiveState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#open();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#close();
    };
  };

  #open(): void {
    const after = this.#state.events.at(-1)?.id ?? 0;
    const source = new EventSource(`/api/v1/stream?after=${after}`);
    this.#source = source;
    this.#alive();
    source.addEventListener('status', (message) => {
      this.#alive();
      this.#change({ status: JSON.parse(message.data as string) as ClusterStatus, connected: true });
    });
    source.addEventListener('event', (message) => {
      this.#alive();
      this.#append(JSON.parse(message.data as string) as ClusterEvent);
    });
    source.addEventListener('beat', () => {
      this.#alive();
      this.#change({ connected: true });
    });
    source.addEventListener('error', () => {
      this.#change({ connected: false });
      if (source.readyState === EventSource.CLOSED) {
        this.#onRefused();
        this.#reopenAfter(RETRY_MS);
      }
    });
  }

  #alive(): void {
    this.#reopenAfter(SILENCE_MS);
  }

  #reopenAfter(delayMs: number): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#close();
      this.#change({ connected: false });
      this.#open();
    }, delayMs);
  }

  #close(): void {
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  #append(event: ClusterEvent): void {
    const { events } = this.#state;
    if (event.id <= (events.at(-1)?.id ?? 0)) return;
    this.#change({ events: [...events, event].slice(-EVENTS_KEPT) });
  }

  #change(change: Partial<LiveState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

export function useLiveState(store: LiveStore): LiveState {
  return useSyncExternalStore(store.subscribe, store.state);
}
