/**
 * Keeps DIR/node.json true while members move: a node starts again where it is now, and asks the others first where they were last. One write at a time, the
 * newest wins; a failure is tried again.
 */
import { isDeepStrictEqual } from 'node:util';
import type { World } from '@eterne/runtime';
import { type ClusterState, sortedValues } from '../state/model.ts';
import { type NodeIdentity, writeIdentity } from './identity.ts';

const RETRY_MS = 1000;

export class IdentityKeeper {
  readonly #world: Pick<World, 'files' | 'timers' | 'log'>;
  readonly #dir: string;
  #wanted: NodeIdentity;
  #written: NodeIdentity;
  #isBusy = false;
  #seen: ClusterState['members'] | undefined;

  constructor(world: Pick<World, 'files' | 'timers' | 'log'>, dir: string, identity: NodeIdentity) {
    this.#world = world;
    this.#dir = dir;
    this.#wanted = identity;
    this.#written = identity;
  }

  /** `state` is current: an older one would take the node back to where it was. */
  follow({ members }: ClusterState): void {
    const self = members[this.#wanted.node];
    // Another machine may have this one's name by now.
    if (self?.voterId !== this.#wanted.voterId || members === this.#seen) return;
    this.#seen = members;
    const { addresses, api } = self;
    const seeds = sortedValues(members).map(({ name, role, addresses: at }) => ({
      node: name,
      role,
      addresses: at,
    }));
    this.#wanted = { ...this.#wanted, addresses, api, seeds };
    this.#write();
  }

  #write(): void {
    if (this.#isBusy || isDeepStrictEqual(this.#wanted, this.#written)) return;
    this.#isBusy = true;
    const identity = this.#wanted;
    writeIdentity(this.#world.files, this.#dir, identity, (error) => {
      if (error) {
        this.#world.log('warn', 'cannot keep where the members are', { reason: error.message });
        this.#world.timers.after(RETRY_MS, () => this.#again());
      } else {
        this.#written = identity;
        this.#again();
      }
    });
  }

  #again(): void {
    this.#isBusy = false;
    this.#write();
  }
}
