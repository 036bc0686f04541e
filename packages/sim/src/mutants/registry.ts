/** The planted mutants: deliberate bugs, each of which the simulator must see. */
import type { ScenarioName } from '../run/options.ts';
import { CLUSTER_MUTANTS } from './cluster-mutants.ts';
import { EQUIPPED_MUTANTS } from './equipped-mutants.ts';
import { FENCING_MUTANTS } from './fencing-mutants.ts';
import { HALVES_MUTANTS } from './halves-mutants.ts';
import { LARGE_MUTANTS } from './large-mutants.ts';
import { MEMBERS_MUTANTS } from './members-mutants.ts';
import { MIRROR_MUTANTS } from './mirror-mutants.ts';
import { ORDERS_MUTANTS } from './orders-mutants.ts';
import { PAIR_MUTANTS } from './pair-mutants.ts';
import { PROFILE_MUTANTS } from './profile-mutants.ts';
import { STANDALONE_MUTANTS } from './standalone-mutants.ts';
import { UPGRADE_MUTANTS } from './upgrade-mutants.ts';

export interface Mutant {
  readonly name: string;
  readonly scenario: ScenarioName;
  readonly changes: readonly Change[];
}

export interface Change {
  /** Below `packages/`. */
  readonly file: string;
  /** Texts that occur exactly once, and what takes their place. */
  readonly edits: readonly Edit[];
}

export type Edit = readonly [find: string, replace: string];

/** Seeds known to catch a mutant, tried first to save time; when one does not any more, the others are tried as well. */
export const HINTS: Readonly<Record<string, number>> = {
  'a replica is given up by what it last heard of whoever serves': 6011146,
  'a replica takes a lower term than it has seen': 2,
  'a flush puts no barrier between an asynchronous peer’s writes': 75,
  'checksums stay on the disk while their blocks are written': 4,
  'what does not match its checksum is read all the same': 6,
  'what came over two paths is taken twice': 105,
  'a growth shows before the peers have made it': 3,
  'who has grown and was told nothing more serves at once': 304034,
  'what is added to a volume is not zeroed': 8,
  'a flush of a set reaches its first volume only': 5,
  'a verify does not hold back writes': 2,
  'a blank disk is taken for the one that it replaces': 6,
  'a disk that is being rebuilt gets no writes': 15,
  'reads go to a peer that lacks the block': 24,
  'metadata that moves is erased before the sign names its new place': 9,
  'metadata moves, and the sign names its old place': 9,
  'a source goes on after it has handed over': 16,
  'what a side of a split brain loses is not kept': 30,
  'blocks are overwritten before they are saved': 12,
  'a journal that has failed is whole when it is opened again': 30,
  'whoever lost its primary may be promoted without force': 17,
  'a member that is away counts as one that is being overwritten': 17,
  'whom a promoted replica copies to knows its term before it does': 9112051,
  'a restart counts no more as soon as it is known': 6012088,
  'the peer acknowledges before it has written': 2,
  'a write to what was copied already goes to the source alone': 21,
  'a replica that serves before it is whole reads its own disk': 7,
  'what a primary that is not whole reads may be given up': 21,
  'what a lost peer had not flushed stays clean': 3,
  'a resync copies without locking its range': 11,
  'a term begins with its flushes believed done': 10,
  'a resync begins without flushing its source': 21,
  'an asynchronous primary takes its peers for members in step': 11,
  'what only a cache has is believed at an opening': 328,
  'a disk that was put back and made whole is whole for its source only, and what is half copied waits for it': 2000466,
  'longer leases are granted before the voters hold still for as long': 1,
  'elections are shorter before the longer leases are over': 1,
  'whom a round of heartbeats passes over counts as if it had answered': 1,
  'a take-over does not wait for the lease to end': 2,
  'a majority of one': 2,
  'the ordered log is not synced': 3,
  'a promotion may go to a replica outside the set': 2,
  'a set change needs neither term nor version': 94,
  'stopping an application only pretends': 11,
  'a take-over does not wait for the grace': 2,
  'a new leader forgets the leases of the one before': 7,
  'a log that lacks entries may lead': 7,
  'the tie-breaker votes although a leader lives by it': 85,
  'a lease lasts longer than it was granted': 2,
  'entries are applied before they are committed': 2,
  'a leader alone answers reads': 13,
  'a term is granted twice': 3,
  'a leader commits what it alone has': 2,
  'the owner lets a group go while it runs': 6,
  'the lease never lapses': 8,
  'a denied vote counts as granted': 6,
  'leases do not end with the authority of their leader': 13,
  'voters vote although they hear a leader': 13,
  'nothing ends when a lease lapses': 2,
  'a node that has just started goes on alone without having met the other': 7,
  'the other node is listened to while the tie-breaker is held': 3,
  'a fence is confirmed when the node is on again, for whoever has asked by then': 14,
  'a parted half is listened to': 2,
  'who was alone gives that up before the other has written down that it follows': 2,
  'the half that gives way keeps its log': 2,
  'what a half decided is not kept': 2,
  'a half gives way under a running application': 2,
  'the cluster grants terms while a node is alone': 2,
  'a service that was started anew gives its half up before it has looked at what runs': 28,
  'a half that has lost its disk takes the term of the one that serves': 4200705,
  'the last replica that holds everything may be taken out': 5,
  'a third voter takes the place of the tie-breaker in a single change': 3,
  'the tie-breaker goes on voting beside a third voter': 2,
  'what a learner says counts': 12,
  'whoever comes under a name is the voter of that name': 1,
  'a half is not told any more from the moment that its tie-breaker is to go': 88,
  'who holds the tie-breaker and is to leave does not wait for the other': 13200012,
  'whoever has the name of a member is heard as that one': 810,
  'a node may be removed while a group runs there': 1,
};

export const MUTANTS: readonly Mutant[] = [
  ...MIRROR_MUTANTS,
  ...EQUIPPED_MUTANTS,
  ...STANDALONE_MUTANTS,
  ...CLUSTER_MUTANTS,
  ...LARGE_MUTANTS,
  ...PAIR_MUTANTS,
  ...PROFILE_MUTANTS,
  ...FENCING_MUTANTS,
  ...UPGRADE_MUTANTS,
  ...HALVES_MUTANTS,
  ...ORDERS_MUTANTS,
  ...MEMBERS_MUTANTS,
];
