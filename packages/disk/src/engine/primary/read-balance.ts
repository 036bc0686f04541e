import { KIB, unreachable } from '@eterne/base';
import type { ReadPolicy } from '../api.ts';
import type { MirrorLink } from './mirror.ts';

const STRIPE_BYTES = 256 * KIB;

/** Which replica answers the next read: this node's disk, or a peer that has everything. */
export class ReadBalance {
  readonly #policy: ReadPolicy;
  #turn = 0;
  #localPending = 0;
  readonly #pending = new WeakMap<MirrorLink, number>();

  constructor(policy: ReadPolicy) {
    this.#policy = policy;
  }

  get isLocal(): boolean {
    return this.#policy === 'local';
  }

  /** Undefined: the local disk. */
  pick(offset: number, peers: readonly MirrorLink[]): MirrorLink | undefined {
    switch (this.#policy) {
      case 'local':
        return undefined;
      case 'round-robin':
        this.#turn = (this.#turn + 1) % (peers.length + 1);
        return peers[this.#turn - 1];
      case 'striped':
        return peers[(Math.floor(offset / STRIPE_BYTES) % (peers.length + 1)) - 1];
      case 'least-pending': {
        let best: MirrorLink | undefined;
        let least = this.#localPending;
        for (const peer of peers) {
          const pending = this.#pending.get(peer) ?? 0;
          if (pending < least) [best, least] = [peer, pending];
        }
        return best;
      }
      default:
        return unreachable(this.#policy);
    }
  }

  /** A read of so many bytes is on its way to that replica. */
  began(replica: MirrorLink | undefined, lengthBytes: number): void {
    this.#count(replica, lengthBytes);
  }

  ended(replica: MirrorLink | undefined, lengthBytes: number): void {
    this.#count(replica, -lengthBytes);
  }

  #count(replica: MirrorLink | undefined, by: number): void {
    if (replica === undefined) this.#localPending += by;
    else this.#pending.set(replica, (this.#pending.get(replica) ?? 0) + by);
  }
}
