import { NIL_UUID, bitmapFor } from '../../metadata/index.ts';
import type { StateMessage } from '../../protocol/messages/state.ts';
import type { Replica } from '../replica.ts';
import { Announcement } from './announcement.ts';

type State = Omit<StateMessage, 'id'>;

/** Tells the connected peers what this replica is, and hears from each when it has made that durable. */
export class Announcer {
  readonly #replica: Replica;
  /** Those that some peer has not acknowledged. */
  readonly #open = new Set<Announcement>();

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** What this replica is now. `told` when every peer has it, or is gone. */
  announce(told: () => void = () => {}): void {
    const { metadata, peers, role } = this.#replica;
    const { generations, set, term, volumeUuid } = metadata.state;
    const isEqual = (node: string): boolean => bitmapFor(generations, node) === NIL_UUID;
    const equal = peers.filter(({ link, node }) => link?.isEqual === true && isEqual(node));
    this.say(
      {
        term,
        set,
        role,
        diskState: this.#replica.diskState(),
        volumeUuid,
        current: generations.current,
        equal: equal.map(({ node }) => node),
      },
      told,
    );
  }

  say(state: State, told: () => void): void {
    const { peers } = this.#replica;
    this.#open.add(
      new Announcement(peers, state, {
        acknowledged: (peer) => this.#replica.primary?.peerNamed(peer, state.current),
        done: told,
      }),
    );
  }

  /** Some session may have ended. */
  peersMoved(): void {
    for (const announcement of this.#open) if (announcement.peersMoved()) this.#open.delete(announcement);
  }
}
