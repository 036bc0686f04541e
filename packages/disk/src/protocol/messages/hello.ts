/**
 * HELLO, each side's first frame; the acceptor speaks first. Everything that decides what the two copies are to each other.
 *
 * ```
 * lowest version u16 · highest version u16 · volume text · to-node text
 * node text · size u64 · volume uuid text · replica uuid text · term (u64, text) · set (u64, list of text)
 * incarnation u64 · former incarnations list of u64 · witnessed incarnation of the other u64 · disk state u8 · role u8
 * just created u8 · crashed primary u8 · skip initial sync u8 · dirty blocks u64
 * split brain: with 0, 1, 2 primaries u8, u8, u8 · newest promotion (wall clock, ms) u64 · node to discard text
 * undone copy text · current generation text · list of (peer text, generation text) · list of history generations text
 * follows text · waits when lost u8
 * of a mirror set, and only then: layout text     version 2, which is the lowest that a set speaks
 * where the sender knows lives, and only then, after a layout, nil if it is no set: own life text · life of whom it means text     version 4, likewise
 * ```
 */
import { EterneError } from '@eterne/base';
import { MAX_NAME_BYTES, NIL_UUID, type ReplicaSummary, type SplitBrainTerms } from '../../metadata/api.ts';
import { FORMER_INCARNATIONS } from '../../metadata/incarnations.ts';
import type { Lives } from '../../engine/link/lives.ts';
import { FieldReader, FieldWriter } from '../fields.ts';
import { NEWEST_VERSION, OLDEST_VERSION } from '../wire.ts';
import { DISK_STATES, SPLIT_BRAIN_ACTIONS } from '../../engine/api.ts';
import { ROLES, readName, readSet, readTerm, readUuid, writeSet, writeTerm } from './common.ts';
import { readGenerations, writeGenerations } from './resync-names.ts';

/** The lowest version that a mirror set speaks, and only a set begins with. */
const SET_VERSION = 2;
/** Likewise where the sender knows lives. */
const LIVES_VERSION = 4;

export interface Hello {
  readonly volume: string;
  /** Whom the sender believes to be talking to. */
  readonly toNode: string;
  readonly summary: ReplicaSummary;
  /** The primary that the sender is connected to, or is; empty: none. */
  readonly follows: string;
  /** Standalone `onPeerLost: freeze`: as a primary the sender goes on with nothing that this replica lacks. */
  readonly waitsWhenLost: boolean;
  /** Which members of the cluster the sender is, and means; absent: nobody has told it. */
  readonly lives?: Lives;
}

export function encodeHello(hello: Hello): Buffer {
  const into = new FieldWriter();
  const s = hello.summary;
  into.uint16(lowestOf(hello)).uint16(NEWEST_VERSION).text(hello.volume).text(hello.toNode);
  into.text(s.node).uint64(s.sizeBytes).text(s.volumeUuid).text(s.replicaUuid);
  writeTerm(into, s.term);
  writeSet(into, s.set);
  into.uint64(s.incarnation).list(s.formerIncarnations, (former) => into.uint64(former));
  into.uint64(s.witnessedIncarnation);
  into.byte(DISK_STATES.indexOf(s.diskState)).byte(ROLES.indexOf(s.role));
  into.byte(Number(s.justCreated)).byte(Number(s.crashedPrimary)).byte(Number(s.skipInitialSync));
  into.uint64(s.dirtyBlocks);
  writeSplitBrain(into, s.splitBrain);
  into.text(s.undoneSync);
  writeGenerations(into, s.generations);
  into.text(hello.follows).byte(Number(hello.waitsWhenLost));
  if (lowestOf(hello) >= SET_VERSION) into.text(s.setLayout);
  if (hello.lives !== undefined) into.text(hello.lives.own).text(hello.lives.peer);
  return into.finish();
}

/** `version`: the newest that both sides speak. */
export function decodeHello(body: Buffer): Hello & { readonly version: number } {
  const from = new FieldReader(body);
  const lowest = from.uint16();
  const highest = from.uint16();
  const version = Math.min(highest, NEWEST_VERSION);
  if (version < Math.max(lowest, OLDEST_VERSION))
    throw new EterneError('unsupported', `the peer speaks mirror protocol ${lowest} to ${highest}`);
  const volume = readName(from);
  const toNode = readName(from);
  const summary: Omit<ReplicaSummary, 'setLayout'> = {
    node: readName(from),
    sizeBytes: from.uint64(),
    volumeUuid: readUuid(from),
    replicaUuid: readUuid(from),
    term: readTerm(from),
    set: readSet(from),
    incarnation: from.uint64(),
    formerIncarnations: from.list(FORMER_INCARNATIONS, () => from.uint64()),
    witnessedIncarnation: from.uint64(),
    diskState: from.choice(DISK_STATES),
    role: from.choice(ROLES),
    justCreated: from.flag(),
    crashedPrimary: from.flag(),
    skipInitialSync: from.flag(),
    dirtyBlocks: from.uint64(),
    splitBrain: readSplitBrain(from),
    undoneSync: readUuid(from),
    generations: readGenerations(from),
  };
  const follows = from.text(MAX_NAME_BYTES);
  const waitsWhenLost = from.flag();
  const setLayout = lowest < SET_VERSION ? NIL_UUID : readUuid(from);
  const lives = lowest < LIVES_VERSION ? {} : { lives: { own: readName(from), peer: readName(from) } };
  from.finish();
  return { version, volume, toNode, summary: { ...summary, setLayout }, follows, waitsWhenLost, ...lives };
}

function lowestOf({ lives, summary }: Hello): number {
  if (lives !== undefined) return LIVES_VERSION;
  return isSet(summary) ? SET_VERSION : OLDEST_VERSION;
}

const isSet = ({ setLayout }: ReplicaSummary): boolean => setLayout !== NIL_UUID;

function writeSplitBrain(into: FieldWriter, { actions, promotedAtWallMs, discards }: SplitBrainTerms): void {
  for (const action of [actions.zeroPrimaries, actions.onePrimary, actions.twoPrimaries])
    into.byte(SPLIT_BRAIN_ACTIONS.indexOf(action));
  into.uint64(promotedAtWallMs).text(discards);
}

function readSplitBrain(from: FieldReader): SplitBrainTerms {
  return {
    actions: {
      zeroPrimaries: from.choice(SPLIT_BRAIN_ACTIONS),
      onePrimary: from.choice(SPLIT_BRAIN_ACTIONS),
      twoPrimaries: from.choice(SPLIT_BRAIN_ACTIONS),
    },
    promotedAtWallMs: from.uint64(),
    discards: readName(from),
  };
}
