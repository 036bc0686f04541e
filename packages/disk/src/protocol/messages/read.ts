/**
 * Reading from a peer, for a primary whose own disk is not good.
 *
 * - READ: `id u64 · offset u64 · length u32 · defined u32`; defined 1: it fails where the content is undefined, for the asker has its own.
 * - READ_REPLY: `id u64 · failed u32 · zero u32 · data`; no data when it failed.
 */
import { EterneError } from '@eterne/base';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, MAX_DATA_BYTES, readUint64, writeUint64 } from '../wire.ts';
import { checkRange } from './write.ts';

const READ_BYTES = 24;
const REPLY_HEAD_BYTES = 16;

export interface ReadMessage {
  readonly id: number;
  readonly offset: number;
  readonly lengthBytes: number;
  /** Content that no file system used when everything was copied, and that the peer therefore lacks, is not wanted. */
  readonly definedOnly: boolean;
}

export interface ReadReply {
  readonly id: number;
  /** A view of the frame; undefined: the peer could not read it. */
  readonly data: Buffer | undefined;
}

export function sendRead(sender: FrameSender, read: ReadMessage): void {
  const at = sender.begin(FrameType.read, READ_BYTES);
  writeUint64(sender.slab, at, read.id);
  writeUint64(sender.slab, at + 8, read.offset);
  sender.slab.writeUInt32LE(read.lengthBytes, at + 16);
  sender.slab.writeUInt32LE(read.definedOnly ? 1 : 0, at + 20);
  sender.end();
}

export function decodeRead(body: Buffer, sizeBytes: number): ReadMessage {
  if (body.length !== READ_BYTES || body.readUInt32LE(20) > 1)
    throw new EterneError('protocol', 'a malformed READ');
  const offset = readUint64(body, 8);
  const lengthBytes = body.readUInt32LE(16);
  checkRange(offset, lengthBytes, MAX_DATA_BYTES, sizeBytes);
  return { id: readUint64(body, 0), offset, lengthBytes, definedOnly: body.readUInt32LE(20) === 1 };
}

export function sendReadReply(sender: FrameSender, reply: ReadReply): void {
  const at = sender.begin(FrameType.readReply, REPLY_HEAD_BYTES);
  writeUint64(sender.slab, at, reply.id);
  sender.slab.writeUInt32LE(reply.data === undefined ? 1 : 0, at + 8);
  sender.slab.writeUInt32LE(0, at + 12);
  sender.end(reply.data);
}

export function decodeReadReply(body: Buffer): ReadReply {
  if (body.length < REPLY_HEAD_BYTES) throw new EterneError('protocol', 'a short READ_REPLY');
  const failed = body.readUInt32LE(8);
  const bare = body.length === REPLY_HEAD_BYTES;
  if (failed > 1 || body.readUInt32LE(12) !== 0 || (failed === 1) !== bare)
    throw new EterneError('protocol', 'a malformed READ_REPLY');
  return { id: readUint64(body, 0), data: bare ? undefined : body.subarray(REPLY_HEAD_BYTES) };
}
