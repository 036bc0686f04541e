import type { LogLeadership } from '../ports.ts';

/** Calls who wants to know when somebody else leads, or with another term, or quorum comes or goes; not when authority is renewed. */
export class LeadershipNews {
  readonly #listeners: (() => void)[] = [];
  #shown = '';

  add(listener: () => void): void {
    this.#listeners.push(listener);
  }

  show({ leader, isLeader, raftTerm, quorate }: LogLeadership): void {
    const shown = `${leader} ${isLeader} ${raftTerm} ${quorate}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    for (const listener of this.#listeners) listener();
  }
}
