/** Outcomes of EXTENDED COPY commands, kept for RECEIVE COPY STATUS (SPC-4 §6.25); the oldest are forgotten. */
import type { Nexus } from '../nexus.ts';
import { MAX_REMEMBERED_COPIES } from './limits.ts';

export interface CopyOutcome {
  readonly succeeded: boolean;
  readonly segments: number;
}

export class CopyMemory {
  readonly #outcomes = new Map<string, CopyOutcome>();

  remember(nexus: Nexus, listId: number, succeeded: boolean, segments: number): void {
    const key = keyOf(nexus, listId);
    this.#outcomes.delete(key);
    this.#outcomes.set(key, { succeeded, segments });
    const [oldest] = this.#outcomes.keys();
    if (this.#outcomes.size > MAX_REMEMBERED_COPIES && oldest !== undefined) this.#outcomes.delete(oldest);
  }

  /** Given once: "the copy manager may discard … after returning GOOD". */
  take(nexus: Nexus, listId: number): CopyOutcome | undefined {
    const key = keyOf(nexus, listId);
    const outcome = this.#outcomes.get(key);
    this.#outcomes.delete(key);
    return outcome;
  }
}

const keyOf = (nexus: Nexus, listId: number): string => `${nexus.initiatorPort} ${listId}`;
