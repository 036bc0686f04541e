/**
 * The superblock's bytes: one 4 KiB page, little-endian. Pure. See `docs/internals/disk-format.md`.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 8 | magic `ETERNMD1` |
 * | 8 | 4 | CRC-32C of the page with this field zero (magic and checksum stay here in every version) |
 * | 12 | 4 | format version: the lowest that knows everything that is in use |
 * | 16 | 8 | sequence; slot = sequence mod 2 |
 * | 24 | 8 | volume size, bytes |
 * | 32 | 16 | volume uuid |
 * | 48 | 16 | replica uuid |
 * | 64 | 8 | term number |
 * | 72 | 8 | set version |
 * | 80 | 8 | incarnation |
 * | 88 | 4 | flags: 1 just created, 2 primary, 4 crashed primary, 8 clean shutdown, 16 this node is in the set; version 4: 32 size unconfirmed |
 * | 92 | 4 | disk state: 1 Inconsistent, 2 Outdated, 3 Consistent, 4 UpToDate |
 * | 96 | 4 | in-sync peers, one bit per peer slot |
 * | 100 | 4 | activity log: epoch |
 * | 104 | 4 | activity log: slots |
 * | 108 | 4 | peers in the table |
 * | 112 | 16 | current generation |
 * | 128 | 64 | volume name: length (1 byte), UTF-8 |
 * | 192 | 64 | node name |
 * | 256 | 64 | grantor of the term |
 * | 320 | 8 | wall clock of the newest promotion, milliseconds since 1970; 0: never |
 * | 328 | 16 | name of the copy that was undone, NIL: none |
 * | 344 | 120 | version 2 (and early pages of version 1): 15 incarnations before it, newest first, 0 after the last |
 * | 464 | 16 | version 2: layout of the mirror set (`engine/set/members.ts`), NIL: none |
 * | 480 | 8 | version 2: size at creation, bytes; 0: it has not grown |
 * | 488 | 16 | version 3: the rescue journal whose points are whole, NIL: none |
 * | 512 | 512 | history, 32 generations, newest first, NIL after the last |
 * | 1024 | 2816 | 32 peers of 88 bytes: name (64), bitmap generation (16), newest incarnation witnessed (8) |
 *
 * All other bytes are zero.
 */
import { assert, crc32c } from '@eterne/base';
import type { MetadataState, Uuid } from './api.ts';
import { HISTORY_LENGTH, MAX_NAME_BYTES, MAX_PEERS, NIL_UUID } from './api.ts';
import { FORMER_INCARNATIONS } from './incarnations.ts';
import { MAX_LOG_SLOTS, MAX_VOLUME_BYTES, PAGE_BYTES } from './layout.ts';
import { isUuid, readUuid, UUID_BYTES, writeUuid } from './uuid.ts';
import { isZero } from './zero.ts';

const PLAIN_VERSION = 1;
const SET_VERSION = 2;
const RESCUE_VERSION = 3;
const UNCONFIRMED_VERSION = 4;
const MAGIC = Buffer.from('ETERNMD1', 'latin1');
const NAME_FIELD_BYTES = 1 + MAX_NAME_BYTES;
const FORMER_OFFSET = 344;
const SET_LAYOUT_OFFSET = 464;
const CREATED_SIZE_OFFSET = 480;
const RESCUE_OFFSET = 488;
const HISTORY_OFFSET = 512;
const PEERS_OFFSET = 1024;
const PEER_BYTES = 88;
const STATES = ['Inconsistent', 'Outdated', 'Consistent', 'UpToDate'] as const;
const FLAG = {
  justCreated: 1,
  primary: 2,
  crashedPrimary: 4,
  clean: 8,
  selfInSet: 16,
  sizeUnconfirmed: 32,
} as const;
const ALL_FLAGS = 63;

/** One slot's whole content. */
export interface Superblock {
  readonly sequence: number;
  readonly volume: string;
  readonly node: string;
  readonly sizeBytes: number;
  /** How large the volume was when it was made, if it has grown since; otherwise 0. */
  readonly createdBytes: number;
  readonly replicaUuid: string;
  /** Of a mirror set: which volumes it has, and where each begins. NIL: it is a volume by itself. */
  readonly setLayout: Uuid;
  /** The last user closed the store. */
  readonly clean: boolean;
  /** Only log transactions of this epoch count. */
  readonly logEpoch: number;
  readonly logSlots: number;
  /** Peer of each bitmap slot; slots are never given to another peer. */
  readonly slots: readonly string[];
  readonly state: MetadataState;
}

export type SlotContent =
  | { readonly kind: 'empty' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'unsupported'; readonly version: number }
  | { readonly kind: 'valid'; readonly superblock: Superblock };

export function encodeSuperblock(superblock: Superblock, version = versionOf(superblock)): Buffer {
  const { sizeBytes, state, slots } = superblock;
  assert([0, sizeBytes].includes(state.unconfirmedBytes), 'it is the present size that is not confirmed');
  const page = Buffer.alloc(PAGE_BYTES);
  MAGIC.copy(page, 0);
  page.writeUInt32LE(version, 12);
  writeCount(page, 16, superblock.sequence);
  writeCount(page, 24, sizeBytes);
  writeUuid(page, 32, state.volumeUuid);
  writeUuid(page, 48, superblock.replicaUuid);
  writeCount(page, 64, state.term.number);
  writeCount(page, 72, state.set.version);
  writeCount(page, 80, state.incarnation);
  page.writeUInt32LE(flagsOf(superblock), 88);
  page.writeUInt32LE(1 + STATES.indexOf(state.diskState), 92);
  page.writeUInt32LE(membersMask(superblock), 96);
  page.writeUInt32LE(superblock.logEpoch, 100);
  page.writeUInt32LE(superblock.logSlots, 104);
  page.writeUInt32LE(slots.length, 108);
  writeUuid(page, 112, state.generations.current);
  writeName(page, 128, superblock.volume);
  writeName(page, 192, superblock.node);
  writeName(page, 256, state.term.grantor);
  writeCount(page, 320, state.promotedAtWallMs);
  writeUuid(page, 328, state.undoneSync);
  writeUuid(page, SET_LAYOUT_OFFSET, superblock.setLayout);
  writeCount(page, CREATED_SIZE_OFFSET, superblock.createdBytes);
  writeUuid(page, RESCUE_OFFSET, state.rescueJournal);
  for (const [i, former] of state.formerIncarnations.entries())
    writeCount(page, FORMER_OFFSET + 8 * i, former);
  writeHistory(page, state.generations.history);
  writePeers(page, slots, state);
  page.writeUInt32LE(crc32c(page), 8);
  return page;
}

/** Judges one slot. `valid` only when re-encoding gives the same bytes: reserved bytes are zero, every field is in range. */
export function decodeSuperblock(page: Buffer): SlotContent {
  assert(page.length === PAGE_BYTES, 'a slot is one page');
  if (isZero(page)) return { kind: 'empty' };
  if (page.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) return { kind: 'foreign' };
  if (page.readUInt32LE(8) !== checksumOf(page)) return { kind: 'corrupt' };
  const version = page.readUInt32LE(12);
  if (version < PLAIN_VERSION || version > UNCONFIRMED_VERSION) return { kind: 'unsupported', version };
  const superblock = readFields(page);
  if (superblock === undefined || !isWritten(superblock, version)) return { kind: 'corrupt' };
  if (!encodeSuperblock(superblock, version).equals(page)) return { kind: 'corrupt' };
  return { kind: 'valid', superblock };
}

/** Nodes that `state` names and that therefore need a slot (self is none). */
export function peersNamedBy(state: MetadataState, self: string): string[] {
  const names = new Set([
    ...Object.keys(state.peerIncarnations),
    ...Object.keys(state.generations.bitmaps),
    ...state.set.members,
  ]);
  names.delete(self);
  return [...names];
}

/** Why `state` cannot be kept, for the operator; undefined when it can. */
export function unfitReason(state: MetadataState, self: string): string | undefined {
  const { generations, peerIncarnations, rescueJournal, set, term, undoneSync, volumeUuid } = state;
  const name = peersNamedBy(state, self).find((peer) => peer === '' || !fitsNameField(peer));
  if (name !== undefined || !fitsNameField(term.grantor))
    return `the name ${name ?? term.grantor} is empty or longer than ${MAX_NAME_BYTES} bytes`;
  const counts = [
    term.number,
    set.version,
    state.incarnation,
    state.promotedAtWallMs,
    ...state.formerIncarnations,
    ...Object.values(peerIncarnations),
  ];
  if (counts.some((count) => !Number.isSafeInteger(count) || count < 0)) return 'a number is out of range';
  if (state.formerIncarnations.length > FORMER_INCARNATIONS) return 'too many incarnations';
  const uuids = [volumeUuid, undoneSync, rescueJournal, generations.current];
  const named = [...Object.values(generations.bitmaps), ...generations.history];
  if (![...uuids, ...named].every(isUuid)) return 'a uuid is malformed';
  const { history } = generations;
  if (history.length > HISTORY_LENGTH || history.includes(NIL_UUID)) return 'the history is malformed';
  return undefined;
}

export function fitsNameField(name: string): boolean {
  return Buffer.byteLength(name) <= MAX_NAME_BYTES && name.isWellFormed();
}

/** A program that does not know sets, growth, former incarnations, rescue journals or unconfirmed sizes must find the page too new, not damaged. */
function versionOf({ createdBytes, setLayout, state }: Superblock): number {
  if (state.unconfirmedBytes > 0) return UNCONFIRMED_VERSION;
  if (state.rescueJournal !== NIL_UUID) return RESCUE_VERSION;
  const isPlain = setLayout === NIL_UUID && createdBytes === 0 && state.formerIncarnations.length === 0;
  return isPlain ? PLAIN_VERSION : SET_VERSION;
}

/** Former incarnations came to pages of version 1 before they made a version 2. */
function isWritten(superblock: Superblock, version: number): boolean {
  const { createdBytes, setLayout, state } = superblock;
  const isSimple =
    setLayout === NIL_UUID &&
    createdBytes === 0 &&
    state.rescueJournal === NIL_UUID &&
    state.unconfirmedBytes === 0;
  return (isSimple && version === PLAIN_VERSION) || version === versionOf(superblock);
}

function checksumOf(page: Buffer): number {
  const copy = Buffer.from(page);
  copy.writeUInt32LE(0, 8);
  return crc32c(copy);
}

function flagsOf({ state, clean, node }: Superblock): number {
  return (
    (state.justCreated ? FLAG.justCreated : 0) |
    (state.role === 'primary' ? FLAG.primary : 0) |
    (state.crashedPrimary ? FLAG.crashedPrimary : 0) |
    (clean ? FLAG.clean : 0) |
    (state.set.members.includes(node) ? FLAG.selfInSet : 0) |
    (state.unconfirmedBytes > 0 ? FLAG.sizeUnconfirmed : 0)
  );
}

function membersMask({ state, slots, node }: Superblock): number {
  let mask = 0;
  for (const member of state.set.members) {
    if (member === node) continue;
    const slot = slots.indexOf(member);
    assert(slot >= 0, `set member ${member} has no slot`);
    mask |= 1 << slot;
  }
  return mask >>> 0;
}

function readFields(page: Buffer): Superblock | undefined {
  const numbers = [16, 24, 64, 72, 80, 320].map((offset) => readCount(page, offset));
  const [sequence, sizeBytes, termNumber, setVersion, incarnation, promotedAtWallMs] = numbers;
  const names = [128, 192, 256].map((offset) => readName(page, offset));
  const [volume, node, grantor] = names;
  const flags = page.readUInt32LE(88);
  const diskState = STATES[page.readUInt32LE(92) - 1];
  const logSlots = page.readUInt32LE(104);
  const createdBytes = readCount(page, CREATED_SIZE_OFFSET);
  const peers = readPeers(page, page.readUInt32LE(108));
  const formerIncarnations = readFormer(page);
  if (sequence === undefined || sizeBytes === undefined || termNumber === undefined) return undefined;
  if (createdBytes === undefined || createdBytes > sizeBytes) return undefined;
  if (setVersion === undefined || incarnation === undefined || peers === undefined) return undefined;
  if (promotedAtWallMs === undefined || formerIncarnations === undefined) return undefined;
  if (volume === undefined || node === undefined || grantor === undefined) return undefined;
  if (sizeBytes === 0 || sizeBytes > MAX_VOLUME_BYTES || diskState === undefined) return undefined;
  if ((flags & ~ALL_FLAGS) !== 0 || logSlots < 1 || logSlots > MAX_LOG_SLOTS) return undefined;

  const slots = peers.map((peer) => peer.name);
  const mask = page.readUInt32LE(96);
  const members = slots.filter((_, slot) => (mask & (1 << slot)) !== 0);
  if ((flags & FLAG.selfInSet) !== 0) members.push(node);
  return {
    sequence,
    volume,
    node,
    sizeBytes,
    createdBytes,
    replicaUuid: readUuid(page, 48),
    setLayout: readUuid(page, SET_LAYOUT_OFFSET),
    clean: (flags & FLAG.clean) !== 0,
    logEpoch: page.readUInt32LE(100),
    logSlots,
    slots,
    state: {
      volumeUuid: readUuid(page, 32),
      diskState,
      justCreated: (flags & FLAG.justCreated) !== 0,
      role: (flags & FLAG.primary) !== 0 ? 'primary' : 'secondary',
      crashedPrimary: (flags & FLAG.crashedPrimary) !== 0,
      promotedAtWallMs,
      undoneSync: readUuid(page, 328),
      rescueJournal: readUuid(page, RESCUE_OFFSET),
      unconfirmedBytes: (flags & FLAG.sizeUnconfirmed) === 0 ? 0 : sizeBytes,
      term: { number: termNumber, grantor },
      set: { version: setVersion, members: members.sort() },
      incarnation,
      formerIncarnations,
      generations: {
        current: readUuid(page, 112),
        bitmaps: Object.fromEntries(peers.map((peer) => [peer.name, peer.bitmapUuid])),
        history: readHistory(page),
      },
      peerIncarnations: Object.fromEntries(peers.map((peer) => [peer.name, peer.incarnation])),
    },
  };
}

function readFormer(page: Buffer): number[] | undefined {
  const former: number[] = [];
  for (let i = 0; i < FORMER_INCARNATIONS; i += 1) {
    const incarnation = readCount(page, FORMER_OFFSET + 8 * i);
    if (incarnation === undefined) return undefined;
    if (incarnation === 0) break;
    former.push(incarnation);
  }
  return former;
}

interface PeerEntry {
  readonly name: string;
  readonly bitmapUuid: string;
  readonly incarnation: number;
}

function writePeers(page: Buffer, slots: readonly string[], state: MetadataState): void {
  assert(slots.length <= MAX_PEERS, 'peer table overflows');
  for (const [slot, name] of slots.entries()) {
    const offset = PEERS_OFFSET + slot * PEER_BYTES;
    writeName(page, offset, name);
    writeUuid(page, offset + 64, state.generations.bitmaps[name] ?? NIL_UUID);
    writeCount(page, offset + 80, state.peerIncarnations[name] ?? 0);
  }
}

function readPeers(page: Buffer, count: number): PeerEntry[] | undefined {
  if (count > MAX_PEERS) return undefined;
  const peers: PeerEntry[] = [];
  for (let slot = 0; slot < count; slot += 1) {
    const offset = PEERS_OFFSET + slot * PEER_BYTES;
    const name = readName(page, offset);
    const incarnation = readCount(page, offset + 80);
    if (name === undefined || name === '' || incarnation === undefined) return undefined;
    if (peers.some((peer) => peer.name === name)) return undefined;
    peers.push({ name, bitmapUuid: readUuid(page, offset + 64), incarnation });
  }
  return peers;
}

function writeHistory(page: Buffer, history: readonly string[]): void {
  assert(history.length <= HISTORY_LENGTH, 'history overflows');
  for (const [index, uuid] of history.entries()) {
    assert(uuid !== NIL_UUID, 'history holds no NIL');
    writeUuid(page, HISTORY_OFFSET + index * UUID_BYTES, uuid);
  }
}

function readHistory(page: Buffer): string[] {
  const history: string[] = [];
  for (let index = 0; index < HISTORY_LENGTH; index += 1) {
    const uuid = readUuid(page, HISTORY_OFFSET + index * UUID_BYTES);
    if (uuid === NIL_UUID) break;
    history.push(uuid);
  }
  return history;
}

function writeName(page: Buffer, offset: number, name: string): void {
  assert(fitsNameField(name), `name does not fit: ${name}`);
  page.writeUInt8(page.write(name, offset + 1, MAX_NAME_BYTES, 'utf8'), offset);
}

function readName(page: Buffer, offset: number): string | undefined {
  const lengthBytes = page.readUInt8(offset);
  if (lengthBytes >= NAME_FIELD_BYTES) return undefined;
  const name = page.toString('utf8', offset + 1, offset + 1 + lengthBytes);
  return fitsNameField(name) ? name : undefined;
}

function writeCount(page: Buffer, offset: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `count out of range: ${value}`);
  page.writeUInt32LE(value % 2 ** 32, offset);
  page.writeUInt32LE(Math.floor(value / 2 ** 32), offset + 4);
}

function readCount(page: Buffer, offset: number): number | undefined {
  const value = page.readUInt32LE(offset + 4) * 2 ** 32 + page.readUInt32LE(offset);
  return Number.isSafeInteger(value) ? value : undefined;
}
