import type { StateMessage } from '../../protocol/messages/state.ts';
import type { Peer } from './peer.ts';
import type { Session } from './session.ts';

export interface AnnouncementOwner {
  /** This peer has made it durable. */
  acknowledged(peer: Peer): void;
  /** Each has, or is gone. */
  done(): void;
}

/** One STATE to every connected peer, and word when each has made it durable or is gone. */
export class Announcement {
  readonly #waiting: Set<Session>;
  #owner: AnnouncementOwner | undefined;

  constructor(peers: readonly Peer[], state: Omit<StateMessage, 'id'>, owner: AnnouncementOwner) {
    this.#waiting = new Set(peers.flatMap((peer) => peer.session ?? []));
    this.#owner = owner;
    for (const peer of peers) {
      const { session } = peer;
      session?.announce(state, () => {
        this.#waiting.delete(session);
        owner.acknowledged(peer);
        this.peersMoved();
      });
    }
    this.peersMoved();
  }

  /** Some session may have ended. True when nobody is waited for any more. */
  peersMoved(): boolean {
    for (const session of this.#waiting) if (!session.isConnected) this.#waiting.delete(session);
    const owner = this.#owner;
    if (this.#waiting.size > 0) return false;
    this.#owner = undefined;
    owner?.done();
    return true;
  }
}
