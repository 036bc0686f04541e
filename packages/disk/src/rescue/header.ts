/**
 * The rescue journal's header: which points the log holds. Two slots, written in turn. Pure. `docs/internals/rescue-journal.md`.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 8 | magic `ETRESCUE` |
 * | 8 | 4 | CRC-32C of the page with this field zero (magic and checksum stay here in every version) |
 * | 12 | 4 | format version, 2; 1 as long as the journal has no uuid |
 * | 16 | 8 | sequence; slot = sequence mod 2 |
 * | 24 | 8 | bytes of the log area |
 * | 32 | 16 | uuid of the replica whose blocks these are |
 * | 48 | 8 | position from which the log goes on when there is no point |
 * | 56 | 8 | id of the next point |
 * | 64 | 4 | epoch: bumped by every opening |
 * | 68 | 4 | points |
 * | 72 | 16 | version 2: uuid of the journal, by which the replica's metadata knows whose points are whole (`adopt.ts`); NIL: none yet |
 * | 128 | 2048 | 32 points of 64 bytes: id (8), first position (8), end position (8; 0: still saving), state (1: 1 copying, 2 kept), flags (1: 1 surplus, 2 flawed) |
 *
 * All other bytes are zero.
 */
import { assert, crc32c } from '@eterne/base';
import { NIL_UUID, type Uuid } from '../metadata/api.ts';
import { readUuid, writeUuid } from '../metadata/uuid.ts';
import { isZero } from '../metadata/zero.ts';

export const PAGE_BYTES = 4096;
export const HEADER_SLOTS = 2;
/** The log area begins here. */
export const AREA_OFFSET = HEADER_SLOTS * PAGE_BYTES;
export const MAX_POINTS = 32;
/** Journals had no uuid. */
const EARLY_VERSION = 1;
const FORMAT_VERSION = 2;
const MAGIC = Buffer.from('ETRESCUE', 'latin1');
const POINTS_OFFSET = 128;
const POINT_BYTES = 64;
const STATES = ['copying', 'kept'] as const;

/**
 * A moment to which the replica can be taken back, or of which an image can be made, from the pre-images saved since.
 * ```
 * (none) ──copy begins──▶ copying ──copy ends, with surplus──▶ kept ──dropped──▶ (none)
 *                            └──copy ends without, or undone──▶ (none)
 * ```
 */
export interface PointEntry {
  readonly id: number;
  /** Where its first record is. */
  readonly start: number;
  /** Where saving for it stopped because there was no room; undefined while it goes on, and its image is whole. */
  readonly end: number | undefined;
  readonly state: (typeof STATES)[number];
  /** This side had changes that nobody else has: kept until the operator drops it. */
  readonly surplus: boolean;
  /** A block could not be read before it was overwritten, or was not saved while copying: no way back. */
  readonly flawed: boolean;
}

export interface Header {
  readonly sequence: number;
  readonly areaBytes: number;
  readonly replicaUuid: Uuid;
  readonly journalUuid: Uuid;
  readonly resumeAt: number;
  readonly nextPointId: number;
  readonly epoch: number;
  /** Oldest first. */
  readonly points: readonly PointEntry[];
}

export type HeaderContent =
  | { readonly kind: 'empty' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'unsupported'; readonly version: number }
  | { readonly kind: 'valid'; readonly header: Header };

export function encodeHeader(header: Header): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  MAGIC.copy(page);
  page.writeUInt32LE(versionOf(header), 12);
  writeCount(page, 16, header.sequence);
  writeCount(page, 24, header.areaBytes);
  writeUuid(page, 32, header.replicaUuid);
  writeCount(page, 48, header.resumeAt);
  writeCount(page, 56, header.nextPointId);
  page.writeUInt32LE(header.epoch, 64);
  page.writeUInt32LE(header.points.length, 68);
  writeUuid(page, 72, header.journalUuid);
  assert(header.points.length <= MAX_POINTS, 'the table of points overflows');
  for (const [index, point] of header.points.entries()) {
    const at = POINTS_OFFSET + index * POINT_BYTES;
    writeCount(page, at, point.id);
    writeCount(page, at + 8, point.start);
    writeCount(page, at + 16, point.end ?? 0);
    page.writeUInt8(1 + STATES.indexOf(point.state), at + 24);
    page.writeUInt8((point.surplus ? 1 : 0) | (point.flawed ? 2 : 0), at + 25);
  }
  page.writeUInt32LE(crc32c(page), 8);
  return page;
}

/** `valid` only when re-encoding gives the same bytes: reserved bytes are zero, every field is in range. */
export function decodeHeader(page: Buffer): HeaderContent {
  assert(page.length === PAGE_BYTES, 'a slot is one page');
  if (isZero(page)) return { kind: 'empty' };
  if (page.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) return { kind: 'foreign' };
  const copy = Buffer.from(page);
  copy.writeUInt32LE(0, 8);
  if (page.readUInt32LE(8) !== crc32c(copy)) return { kind: 'corrupt' };
  const version = page.readUInt32LE(12);
  if (version < EARLY_VERSION || version > FORMAT_VERSION) return { kind: 'unsupported', version };
  const header = readFields(page);
  if (header === undefined || !encodeHeader(header).equals(page)) return { kind: 'corrupt' };
  return { kind: 'valid', header };
}

function versionOf({ journalUuid }: Header): number {
  return journalUuid === NIL_UUID ? EARLY_VERSION : FORMAT_VERSION;
}

function readFields(page: Buffer): Header | undefined {
  const count = page.readUInt32LE(68);
  const [sequence, areaBytes, resumeAt, nextPointId] = [16, 24, 48, 56].map((at) => readCount(page, at));
  if (sequence === undefined || areaBytes === undefined || count > MAX_POINTS) return undefined;
  if (resumeAt === undefined || nextPointId === undefined) return undefined;
  const points: PointEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    const point = readPoint(page, POINTS_OFFSET + index * POINT_BYTES);
    if (point === undefined) return undefined;
    points.push(point);
  }
  const [replicaUuid, journalUuid] = [readUuid(page, 32), readUuid(page, 72)];
  const epoch = page.readUInt32LE(64);
  return { sequence, areaBytes, replicaUuid, journalUuid, resumeAt, nextPointId, epoch, points };
}

function readPoint(page: Buffer, at: number): PointEntry | undefined {
  const [id, start, end] = [at, at + 8, at + 16].map((offset) => readCount(page, offset));
  const state = STATES[page.readUInt8(at + 24) - 1];
  const flags = page.readUInt8(at + 25);
  if (id === undefined || start === undefined || end === undefined || state === undefined) return undefined;
  const [surplus, flawed] = [(flags & 1) !== 0, (flags & 2) !== 0];
  return { id, start, end: end === 0 ? undefined : end, state, surplus, flawed };
}

export function writeCount(page: Buffer, offset: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `count out of range: ${value}`);
  page.writeBigUInt64LE(BigInt(value), offset);
}

export function readCount(page: Buffer, offset: number): number | undefined {
  const value = Number(page.readBigUInt64LE(offset));
  return Number.isSafeInteger(value) ? value : undefined;
}
