/**
 * Declares this replica's content worthless: it is new again, and the next handshake has everything copied to it.
 *
 * 1. Refused while this node serves, and unless a peer with good data is connected to copy from.
 * 2. Sessions end, and everything of theirs leaves the store.
 * 3. New and Inconsistent is durable before a peer is met again. There is no way back any more: what a copy that was under way had to keep for good is kept.
 */
import { EterneError } from '@eterne/base';
import { NIL_UUID, type MetadataState } from '../metadata/index.ts';
import type { Peer } from './link/peer.ts';
import type { Replica } from './replica.ts';

export function invalidate(
  replica: Replica,
  peers: readonly Peer[],
  done: (error: EterneError | undefined) => void,
): void {
  const problem = problemOf(replica, peers);
  if (problem !== undefined) return done(problem);
  replica.changingRole = true;
  for (const peer of peers) peer.reset('this replica is invalidated');
  replica.whenQuiet(() => {
    replica.metadata.update(madeNew, (error) => {
      if (error === undefined) replica.rescue?.copied();
      replica.changingRole = false;
      replica.changed();
      done(error);
    });
  });
}

function problemOf(replica: Replica, peers: readonly Peer[]): EterneError | undefined {
  if (replica.primary !== undefined)
    return new EterneError('refused', 'this node serves the volume', { hint: 'demote it first' });
  if (replica.changingRole) return new EterneError('busy', 'the role is changing');
  if (!peers.some(isGood))
    return new EterneError('refused', 'no peer with good data is connected to copy everything from');
  return undefined;
}

/** One that serves without a disk, or before it is whole, is equal as far as it goes, and has not got what is here. */
function isGood({ session }: Peer): boolean {
  if (session === undefined || session.isLender) return false;
  const { isEqual, peerDisk } = session;
  return peerDisk === 'UpToDate' || (isEqual && peerDisk === 'Consistent');
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
