/**
 * What one node has written about the tie-breaker into its sectors of the shared disk. Little-endian, one sector:
 *
 *     0    8  magic "ETERNTIE"
 *     8    4  version: 1
 *    12    4  CRC-32C of everything after it
 *    16    8  counter: rises with every write of this node
 *    24    8  term: the highest Raft term in which this node used the tie-breaker
 *    32    8  last term  ┐ of the newest entry that the tie-breaker holds
 *    40    8  last index ┘ by what this node as leader has told it
 *    48  1+n  member: the tie-breaker's id in the log; another one has nothing to do with it
 *     …  1+n  owner: name of the node
 *     …    4  hold: the other node may not use the tie-breaker before so many ms after this was written; 0: `UNSAID_HOLD_MS`
 *     …       zeroes
 *
 * Version 1: the first. Before there were holds a program wrote, and read, zeroes there.
 *
 * Each node has two such sectors and writes them in turn, so that a torn write leaves the one before: A0 A1 B0 B1.
 */
import { crc32c } from '@eterne/base';
import { SHARED_SECTOR_BYTES } from '@eterne/runtime';
import { UNSAID_HOLD_MS, type LogIndex, type MemberId, type RaftTerm } from '../types.ts';

export interface TieBlock {
  readonly member: MemberId;
  readonly owner: string;
  readonly counter: number;
  readonly term: RaftTerm;
  readonly lastTerm: RaftTerm;
  readonly lastIndex: LogIndex;
  readonly holdMs: number;
}

const MAGIC = Buffer.from('ETERNTIE');
const VERSION = 1;
const CHECKED_FROM = 16;
const TEXTS_FROM = 48;
const TEXT_BYTES_MAX = 128;
const COPIES = 2;

export const TIE_NODES = 2;
export const TIE_AREA_BYTES = TIE_NODES * COPIES * SHARED_SECTOR_BYTES;

/** Where the node in `place` writes what has this counter. */
export function tieOffset(place: number, counter: number): number {
  return (place * COPIES + (counter % COPIES)) * SHARED_SECTOR_BYTES;
}

export function encodeTieBlock(block: TieBlock): Buffer {
  const sector = Buffer.alloc(SHARED_SECTOR_BYTES);
  MAGIC.copy(sector);
  sector.writeUInt32LE(VERSION, 8);
  for (const [index, value] of [block.counter, block.term, block.lastTerm, block.lastIndex].entries())
    sector.writeBigUInt64LE(BigInt(value), CHECKED_FROM + 8 * index);
  let at = TEXTS_FROM;
  for (const text of [block.member, block.owner]) {
    at = sector.writeUInt8(Buffer.byteLength(text), at);
    at += sector.write(text, at);
  }
  sector.writeUInt32LE(block.holdMs === UNSAID_HOLD_MS ? 0 : block.holdMs, at);
  sector.writeUInt32LE(crc32c(sector.subarray(CHECKED_FROM)), 12);
  return sector;
}

/**
 * What the disk holds when nobody has used it yet. The counters are above those of a tie-breaker that was there before: each of the sectors counts in its place as soon as
 * it is written, and that one is silent from then on. It could else go on with the older of the two that a node wrote, and vote for somebody who lacks what the newer one names.
 */
export function newTieArea(
  member: MemberId,
  owners: readonly [string, string],
  former: readonly (TieBlock | undefined)[] = [],
): Buffer {
  const highest = Math.max(-1, ...former.map((block) => block?.counter ?? -1));
  const first = COPIES * (Math.floor(highest / COPIES) + 1);
  const sectors = owners.flatMap((owner) =>
    Array.from({ length: COPIES }, (_, copy) =>
      encodeTieBlock({
        member,
        owner,
        counter: first + copy,
        term: 0,
        lastTerm: 0,
        lastIndex: 0,
        holdMs: UNSAID_HOLD_MS,
      }),
    ),
  );
  return Buffer.concat(sectors);
}

/** Written by a tie-breaker, of whatever version or cluster. */
export function isTieSector(sector: Buffer): boolean {
  return sector.subarray(0, MAGIC.length).equals(MAGIC);
}

/** Undefined for what is torn, blank, of another version or not ours. */
function decodeTieBlock(sector: Buffer): TieBlock | undefined {
  if (!isTieSector(sector) || sector.readUInt32LE(8) !== VERSION) return undefined;
  if (sector.readUInt32LE(12) !== crc32c(sector.subarray(CHECKED_FROM))) return undefined;
  const [counter = 0, term = 0, lastTerm = 0, lastIndex = 0] = [0, 1, 2, 3].map((index) =>
    Number(sector.readBigUInt64LE(CHECKED_FROM + 8 * index)),
  );
  const member = textAt(sector, TEXTS_FROM);
  const owner = member && textAt(sector, member.end);
  if (member === undefined || owner === undefined) return undefined;
  const holdMs = sector.readUInt32LE(owner.end) || UNSAID_HOLD_MS;
  return { member: member.text, owner: owner.text, counter, term, lastTerm, lastIndex, holdMs };
}

function textAt(sector: Buffer, at: number): { readonly text: string; readonly end: number } | undefined {
  const length = sector.readUInt8(at);
  if (length === 0 || length > TEXT_BYTES_MAX) return undefined;
  return { text: sector.toString('utf8', at + 1, at + 1 + length), end: at + 1 + length };
}

/** The newest whole block of each place in the area. */
export function readTieArea(area: Buffer): readonly (TieBlock | undefined)[] {
  const sectors = Array.from({ length: TIE_NODES * COPIES }, (_, index) =>
    decodeTieBlock(area.subarray(index * SHARED_SECTOR_BYTES, (index + 1) * SHARED_SECTOR_BYTES)),
  );
  return Array.from({ length: TIE_NODES }, (_, place) => {
    const copies = sectors.slice(place * COPIES, (place + 1) * COPIES).filter((block) => block !== undefined);
    return copies.toSorted((x, y) => y.counter - x.counter)[0];
  });
}
