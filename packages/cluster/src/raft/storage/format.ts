/**
 * The log file, version 1. Argued crash point by crash point in docs/internals/raft.md. All numbers little-endian.
 *
 * ```
 * file   = header, batch 1 (the base: identity, starts, hard state, snapshot, entries after it), batch 2, …
 * header = magic "ETERNLOG", version u32, nonce u32                                                    16 bytes
 * batch  = magic "ETLB", length u32, number u64, synced u64, payload CRC u32, header CRC u32,          32 bytes
 *          payload of `length` bytes, zeroes up to a multiple of 8
 * payload = record…          record = type u8, body bytes (u32 length first)
 * ```
 * A batch is what one write carries; it counts whole or not at all. `synced` is the highest batch known to be on stable storage when
 * this one was written: it tells a torn tail from a log that rotted in the middle. CRC-32C, seeded with the file's own nonce, so that no
 * batch of another file, or inside a payload, is ever taken for one of this file.
 *
 * Changelog: 1, first version. Since holds may differ from `UNSAID_HOLD_MS` a hard state may end with one; a program of before refuses such a file.
 */
import { crc32c } from '@eterne/base';
import { ByteReader, ByteWriter, malformed } from '../codec.ts';
import { readEntryBody, writeEntryBody } from '../entry-codec.ts';
import { decodeMembers, encodeMembers } from '../members.ts';
import { readHold } from '../messages/heartbeat.ts';
import type { Entry, HardState, MemberId, Snapshot } from '../types.ts';
import { ENTRY_MAX_BYTES, SNAPSHOT_MAX_BYTES, UNSAID_HOLD_MS } from '../types.ts';

export const FILE_VERSION = 1;
export const FILE_HEADER_BYTES = 16;
export const BATCH_HEADER_BYTES = 32;
const FILE_MAGIC = Buffer.from('ETERNLOG');
const BATCH_MAGIC = Buffer.from('ETLB');
const MEMBERS_MAX_BYTES = 8192;

/** Whose log this is; a file of anybody else's is refused. */
export interface LogIdentity {
  readonly cluster: string;
  readonly member: MemberId;
}

export type LogRecord =
  /** 1: `cluster text, member text` */
  | { readonly type: 'identity'; readonly identity: LogIdentity }
  /** 2: `term u64, commit u64, voted u8, vote text`, and `hold u32` unless it is `UNSAID_HOLD_MS` */
  | { readonly type: 'hard-state'; readonly hardState: HardState }
  /** 3: `index u64, term u64, members bytes, data bytes` */
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  /** 4: `index u64, entry` (entry-codec.ts); replaces everything from its index on */
  | { readonly type: 'entry'; readonly entry: Entry }
  /** 5: `starts u64`: how often this log has been opened for work */
  | { readonly type: 'starts'; readonly starts: number };

const TYPES: readonly LogRecord['type'][] = ['identity', 'hard-state', 'snapshot', 'entry', 'starts'];

export interface BatchHeader {
  readonly lengthBytes: number;
  readonly number: number;
  readonly synced: number;
  readonly payloadCrc: number;
}

export function encodeFileHeader(nonce: number): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  FILE_MAGIC.copy(header);
  header.writeUInt32LE(FILE_VERSION, 8);
  header.writeUInt32LE(nonce, 12);
  return header;
}

export function decodeFileHeader(
  bytes: Buffer,
): { readonly version: number; readonly nonce: number } | undefined {
  if (bytes.length < FILE_HEADER_BYTES || !bytes.subarray(0, 8).equals(FILE_MAGIC)) return undefined;
  return { version: bytes.readUInt32LE(8), nonce: bytes.readUInt32LE(12) };
}

export function encodeBatch(
  nonce: number,
  number: number,
  synced: number,
  records: readonly LogRecord[],
): Buffer {
  const payload = encodeRecords(records);
  const bytes = Buffer.alloc(paddedBytes(payload.length) + BATCH_HEADER_BYTES);
  BATCH_MAGIC.copy(bytes);
  bytes.writeUInt32LE(payload.length, 4);
  bytes.writeBigUInt64LE(BigInt(number), 8);
  bytes.writeBigUInt64LE(BigInt(synced), 16);
  bytes.writeUInt32LE(crc32c(payload, nonce), 24);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 28), nonce), 28);
  payload.copy(bytes, BATCH_HEADER_BYTES);
  return bytes;
}

/** The batch header at `offset`, or undefined when there is no valid one. */
export function decodeBatchHeader(bytes: Buffer, offset: number, nonce: number): BatchHeader | undefined {
  const header = bytes.subarray(offset, offset + BATCH_HEADER_BYTES);
  if (header.length < BATCH_HEADER_BYTES || !header.subarray(0, 4).equals(BATCH_MAGIC)) return undefined;
  if (header.readUInt32LE(28) !== crc32c(header.subarray(0, 28), nonce)) return undefined;
  return {
    lengthBytes: header.readUInt32LE(4),
    number: Number(header.readBigUInt64LE(8)),
    synced: Number(header.readBigUInt64LE(16)),
    payloadCrc: header.readUInt32LE(24),
  };
}

export function paddedBytes(lengthBytes: number): number {
  return Math.ceil(lengthBytes / 8) * 8;
}

function encodeRecords(records: readonly LogRecord[]): Buffer {
  const writer = new ByteWriter();
  for (const record of records) writer.u8(TYPES.indexOf(record.type) + 1).bytes(encodeRecordBody(record));
  return writer.finish();
}

function encodeRecordBody(record: LogRecord): Buffer {
  const writer = new ByteWriter();
  switch (record.type) {
    case 'identity':
      writer.text(record.identity.cluster).text(record.identity.member);
      break;
    case 'hard-state': {
      const { term, commit, vote, holdMs } = record.hardState;
      writer.u64(term).u64(commit);
      writer.u8(vote === undefined ? 0 : 1).text(vote ?? '');
      if (holdMs !== UNSAID_HOLD_MS) writer.u32(holdMs);
      break;
    }
    case 'snapshot': {
      const { index, term, members, data } = record.snapshot;
      writer.u64(index).u64(term).bytes(encodeMembers(members)).bytes(data);
      break;
    }
    case 'entry':
      writer.u64(record.entry.index);
      writeEntryBody(record.entry, writer);
      break;
    case 'starts':
      writer.u64(record.starts);
      break;
  }
  return writer.finish();
}

/** Throws `corrupt` for anything it does not know: a newer version may have written it, and to skip it could lose a vote. */
export function decodeRecords(payload: Buffer): LogRecord[] {
  const reader = new ByteReader(payload);
  const records: LogRecord[] = [];
  while (reader.remainingBytes > 0) {
    const typeNumber = reader.u8();
    const type = TYPES[typeNumber - 1];
    if (type === undefined) throw malformed(`record type ${typeNumber}`);
    const body = new ByteReader(reader.bytes(SNAPSHOT_MAX_BYTES + ENTRY_MAX_BYTES));
    records.push(decodeRecordBody(type, body));
    body.end();
  }
  return records;
}

function decodeRecordBody(type: LogRecord['type'], body: ByteReader): LogRecord {
  switch (type) {
    case 'identity':
      return { type, identity: { cluster: body.text(), member: body.text() } };
    case 'hard-state': {
      const term = body.u64();
      const commit = body.u64();
      const voted = body.flag();
      const vote = body.text();
      return { type, hardState: { term, commit, vote: voted ? vote : undefined, holdMs: readHold(body) } };
    }
    case 'snapshot': {
      const index = body.u64();
      const term = body.u64();
      const members = decodeMembers(body.bytes(MEMBERS_MAX_BYTES));
      return { type, snapshot: { index, term, members, data: body.bytes(SNAPSHOT_MAX_BYTES) } };
    }
    case 'entry':
      return { type, entry: readEntryBody(body.u64(), body) };
    case 'starts':
      return { type, starts: body.u64() };
  }
}
