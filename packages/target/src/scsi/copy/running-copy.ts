/**
 * An EXTENDED COPY under way. Its command is a task of the logical unit it was sent to, but it writes to others: whoever ends the tasks on one of those must
 * not be told so while the copy can still write there.
 */
import type { LogicalUnit } from '../logical-unit.ts';

export class RunningCopy {
  readonly initiatorPort: string;
  readonly #destinations: ReadonlySet<LogicalUnit>;
  #onEnded: (() => void)[] = [];
  #isStopped = false;

  constructor(initiatorPort: string, destinations: Iterable<LogicalUnit>) {
    this.initiatorPort = initiatorPort;
    this.#destinations = new Set(destinations);
    for (const unit of this.#destinations) unit.copiesHere.add(this);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** It begins nothing more; `ended` runs when it writes nothing any more. */
  stop(ended: () => void): void {
    this.#isStopped = true;
    this.#onEnded.push(ended);
  }

  /** It writes nothing any more. */
  end(): void {
    for (const unit of this.#destinations) unit.copiesHere.delete(this);
    for (const ended of this.#onEnded.splice(0)) ended();
  }
}
