import type { StateMessage } from '../../protocol/messages/state.ts';
import type { Peer } from './peer.ts';
import type { Session } from './session.ts';

/** One STATE to every connected peer, and word when each has made it durable or is gone. */
export class Announcement {
  readonly #waiting: Set<Session>;
  #done: (() => void) | undefined;

  constructor(peers: readonly Peer[], state: Omit<StateMessage, 'id'>, done: () => void) {
    const sessions = peers.flatMap((peer) => peer.session ?? []);
    this.#waiting = new Set(sessions);
    this.#done = done;
    for (const session of sessions)
      session.announce(state, () => {
        this.#waiting.delete(session);
        this.peersMoved();
      });
    this.peersMoved();
  }

  /** Some session may have ended. True when nobody is waited for any more. */
  peersMoved(): boolean {
    for (const session of this.#waiting) if (!session.isConnected) this.#waiting.delete(session);
    const done = this.#done;
    if (this.#waiting.size > 0) return false;
    this.#done = undefined;
    done?.();
    return true;
  }
}
