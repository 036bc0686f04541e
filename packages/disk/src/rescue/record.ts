/**
 * The records of the rescue journal's log: a page that says what follows, then its data in whole pages. Pure.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | magic `RsqR` |
 * | 4 | 4 | CRC-32C of the page with this field zero |
 * | 8 | 8 | position of this record |
 * | 16 | 4 | epoch of the opening that wrote it |
 * | 20 | 4 | kind: 1 begin, 2 blocks, 3 skip |
 * | 24 | 8 | batch: records that became durable by one flush |
 * | 32 | 8 | bytes of data that follow |
 * | 40 | 4 | CRC-32C of the data (skip: zero) |
 * | 44 | 4 | begin: bytes of the note; blocks: how many, 1…504; skip: 0 |
 * | 64 | 4032 | blocks: for each, block number · 2 + (1 when it is all zeroes and has no data) |
 *
 * `begin` carries the note of a point (`note.ts`), padded with zeroes. `blocks` carries pre-images of 4 KiB in the order of the list. `skip`
 * fills the area up to its end, because a record never wraps.
 */
import { assert, crc32c } from '@eterne/base';
import { BLOCK_BYTES } from '../metadata/api.ts';
import { PAGE_BYTES, readCount, writeCount } from './header.ts';

const MAGIC = 0x5271_7352; // 'RsqR' read little-endian
const LIST_OFFSET = 64;
export const MAX_RECORD_BLOCKS = (PAGE_BYTES - LIST_OFFSET) / 8;
export const MAX_NOTE_BYTES = 64 * 1024;
const KINDS = ['begin', 'blocks', 'skip'] as const;

export interface SavedBlock {
  readonly block: number;
  /** 4 KiB as it was; undefined: zeroes. */
  readonly data: Buffer | undefined;
}

export type Record =
  | { readonly kind: 'begin'; readonly note: Buffer }
  | { readonly kind: 'blocks'; readonly blocks: readonly SavedBlock[] }
  | { readonly kind: 'skip'; readonly gapBytes: number };

/** What a record's page says. */
export interface RecordHead {
  readonly kind: (typeof KINDS)[number];
  readonly position: number;
  readonly epoch: number;
  readonly batch: number;
  readonly dataBytes: number;
  readonly dataCrc: number;
  readonly noteBytes: number;
  readonly blocks: readonly { readonly block: number; readonly isZero: boolean }[];
}

export interface Stamp {
  readonly position: number;
  readonly epoch: number;
  readonly batch: number;
}

/** Page and data, without the gap of a `skip`. */
export function encodeRecord(record: Record, stamp: Stamp): Buffer {
  const data = dataOf(record);
  const bytes = Buffer.alloc(PAGE_BYTES + data.length);
  const page = bytes.subarray(0, PAGE_BYTES);
  data.copy(bytes, PAGE_BYTES);
  page.writeUInt32LE(MAGIC, 0);
  writeCount(page, 8, stamp.position);
  page.writeUInt32LE(stamp.epoch, 16);
  page.writeUInt32LE(1 + KINDS.indexOf(record.kind), 20);
  writeCount(page, 24, stamp.batch);
  writeCount(page, 32, record.kind === 'skip' ? record.gapBytes : data.length);
  page.writeUInt32LE(record.kind === 'skip' ? 0 : crc32c(data), 40);
  page.writeUInt32LE(countOf(record), 44);
  if (record.kind === 'blocks')
    for (const [index, { block, data: content }] of record.blocks.entries())
      writeCount(page, LIST_OFFSET + 8 * index, 2 * block + (content === undefined ? 1 : 0));
  page.writeUInt32LE(crc32c(page), 4);
  return bytes;
}

/** Undefined for anything that is no record of this place. */
export function decodeRecordHead(page: Buffer, position: number): RecordHead | undefined {
  if (page.readUInt32LE(0) !== MAGIC) return undefined;
  const copy = Buffer.from(page);
  copy.writeUInt32LE(0, 4);
  if (page.readUInt32LE(4) !== crc32c(copy)) return undefined;
  const kind = KINDS[page.readUInt32LE(20) - 1];
  const [batch, dataBytes] = [readCount(page, 24), readCount(page, 32)];
  if (kind === undefined || batch === undefined || dataBytes === undefined) return undefined;
  const blocks = kind === 'blocks' ? readList(page) : [];
  const noteBytes = kind === 'begin' ? page.readUInt32LE(44) : 0;
  if (readCount(page, 8) !== position || dataBytes % PAGE_BYTES !== 0 || blocks === undefined)
    return undefined;
  if (kind === 'blocks' && dataBytes !== blocks.filter(({ isZero }) => !isZero).length * BLOCK_BYTES)
    return undefined;
  if (noteBytes > Math.min(dataBytes, MAX_NOTE_BYTES)) return undefined;
  const [epoch, dataCrc] = [page.readUInt32LE(16), page.readUInt32LE(40)];
  return { kind, position, epoch, batch, dataBytes, dataCrc, noteBytes, blocks };
}

/** Bytes of the area that a record takes. */
export function recordBytes(record: Record): number {
  switch (record.kind) {
    case 'begin':
      return PAGE_BYTES + Math.ceil(record.note.length / PAGE_BYTES) * PAGE_BYTES;
    case 'blocks':
      return PAGE_BYTES + record.blocks.filter(({ data }) => data !== undefined).length * BLOCK_BYTES;
    case 'skip':
      return PAGE_BYTES + record.gapBytes;
  }
}

function dataOf(record: Record): Buffer {
  if (record.kind === 'skip') return Buffer.alloc(0);
  if (record.kind === 'blocks') return Buffer.concat(record.blocks.flatMap(({ data }) => data ?? []));
  assert(record.note.length > 0 && record.note.length <= MAX_NOTE_BYTES, 'a note fits its record');
  return Buffer.concat([record.note], recordBytes(record) - PAGE_BYTES);
}

function countOf(record: Record): number {
  if (record.kind === 'begin') return record.note.length;
  if (record.kind === 'skip') return 0;
  assert(record.blocks.length > 0 && record.blocks.length <= MAX_RECORD_BLOCKS, 'blocks fit their record');
  return record.blocks.length;
}

function readList(page: Buffer): { block: number; isZero: boolean }[] | undefined {
  const count = page.readUInt32LE(44);
  if (count < 1 || count > MAX_RECORD_BLOCKS) return undefined;
  const list: { block: number; isZero: boolean }[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry = readCount(page, LIST_OFFSET + 8 * index);
    if (entry === undefined) return undefined;
    list.push({ block: Math.floor(entry / 2), isZero: entry % 2 === 1 });
  }
  return list;
}
