/**
 * Declares this replica's content worthless: it is new again, and the next handshake has everything copied to it.
 *
 * 1. Refused while this node serves, and unless a peer with good data is connected to copy from.
 * 2. Sessions end, and everything of theirs leaves the store.
 * 3. While somebody serves, that is not enough: his disk may have failed just now, so that everything acknowledged since is here, and the word of it is still on its
 *    way. So the content stays until the two have met again. By then he has had the loss of this replica settled: he goes on by what he has himself, or his term is over.
 *    Where he does not come back with good data in time nothing is given up; nor when this replica is promoted meanwhile.
 * 4. New and Inconsistent is durable before a peer is met again. There is no way back any more: what a copy that was under way had to keep for good is kept.
 */
import { EterneError } from '@eterne/base';
import type { Timer } from '@eterne/runtime';
import { NIL_UUID, type MetadataState, type ReplicaSummary } from '../metadata/index.ts';
import type { InSyncSet } from './api.ts';
import type { Peer } from './link/peer.ts';
import type { Replica } from './replica.ts';

const MEETING_MS = 10_000;

type Done = (error: EterneError | undefined) => void;

export class Invalidation {
  readonly #replica: Replica;
  readonly #peers: readonly Peer[];
  readonly #done: Done;
  readonly #leader: string;
  #timeout: Timer | undefined;

  /** `start` follows. */
  constructor(replica: Replica, peers: readonly Peer[], done: Done) {
    this.#replica = replica;
    this.#peers = peers;
    this.#done = done;
    this.#leader = replica.follows;
  }

  start(): void {
    const replica = this.#replica;
    const problem = problemOf(replica, this.#peers);
    if (problem !== undefined) return this.#done(problem);
    if (this.#leader === '') return this.#giveUp();
    replica.invalidation = this;
    this.#timeout = replica.world.timers.after(MEETING_MS, () =>
      this.cancel(`${this.#leader} did not come back with good data to copy from`),
    );
    this.#endSessions();
  }

  /** At a meeting with `theirs`. True: the content goes now, and so does this session. */
  met(theirs: ReplicaSummary): boolean {
    if (!this.#hasEverything(theirs)) return false;
    this.#end();
    this.#giveUp();
    return true;
  }

  /** The content stays. */
  cancel(reason: string): void {
    this.#end();
    this.#done(new EterneError('refused', `nothing was given up: ${reason}`));
  }

  /** Of whoever serves, or did when this began: it counts itself in, and nobody is known to have served after it. */
  #hasEverything({ diskState, node, role, set, term }: ReplicaSummary): boolean {
    const known = this.#replica.metadata.state.term;
    const isNewest = term.grantor === known.grantor && term.number >= known.number;
    const serves = role === 'primary' || node === this.#leader;
    return isNewest && serves && diskState === 'UpToDate' && set.members.includes(node);
  }

  #giveUp(): void {
    const replica = this.#replica;
    replica.changingRole = true;
    this.#endSessions();
    replica.whenQuiet(() => {
      replica.metadata.update(madeNew, (error) => {
        if (error === undefined) replica.rescue?.copied();
        replica.changingRole = false;
        replica.changed();
        this.#done(error);
      });
    });
  }

  #endSessions(): void {
    for (const peer of this.#peers) peer.reset('this replica is invalidated');
  }

  #end(): void {
    this.#timeout?.cancel();
    this.#replica.invalidation = undefined;
  }
}

function problemOf(replica: Replica, peers: readonly Peer[]): EterneError | undefined {
  if (replica.primary !== undefined)
    return new EterneError('refused', 'this node serves the volume', { hint: 'demote it first' });
  if (replica.changingRole) return new EterneError('busy', 'the role is changing');
  if (replica.invalidation !== undefined) return new EterneError('busy', 'it is being invalidated already');
  if (!peers.some((peer) => isGood(peer, replica.metadata.state.set)))
    return new EterneError('refused', 'no peer with good data is connected to copy everything from');
  return undefined;
}

/**
 * One that serves without a disk, or before it is whole, is equal as far as it goes, and has not got what is here. Of one that is not equal its own word tells
 * only that it is whole: outside the set it may lack what was acknowledged.
 */
function isGood({ node, session }: Peer, { members }: InSyncSet): boolean {
  if (session === undefined || session.isLender) return false;
  const { isEqual, peerDisk, phase } = session;
  if (isEqual) return peerDisk === 'UpToDate' || peerDisk === 'Consistent';
  return peerDisk === 'UpToDate' && (phase === 'target' || members.includes(node));
}

function madeNew(state: MetadataState): MetadataState {
  return {
    ...state,
    diskState: 'Inconsistent',
    justCreated: true,
    crashedPrimary: false,
    undoneSync: NIL_UUID,
    generations: { current: NIL_UUID, bitmaps: {}, history: [] },
  };
}
