/**
 * How a primary that is not whole yet has its peer's content: more than it reads for the application, and no more than is in use. Version 3.
 *
 * - FETCH: `id u64 · offset u64 · length u32`, at most 16 MiB, from the beginning of a block.
 * - FETCHED: `id u64 · kind u32 · length u32 · data`: the first `length` bytes of what was asked for. Kind 0: the bytes; 1: all zeroes; 2: in no file
 *   system's use; 3: they cannot be read, and the length is zero. Data only with kind 0.
 */
import { EterneError } from '@eterne/base';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, HEADER_BYTES, MAX_DATA_BYTES, readUint64, writeUint64 } from '../wire.ts';
import { MAX_RESYNC_BYTES, type Range } from './resync.ts';
import { checkRange } from './write.ts';

const FETCH_BYTES = 20;
const HEAD_BYTES = 16;
/** Without data. */
export const FETCHED_FRAME_BYTES = HEADER_BYTES + HEAD_BYTES;
const KINDS = ['data', 'zero', 'unused', 'failed'] as const;

export interface Fetch extends Range {
  readonly id: number;
}

/** What the beginning of a range holds, and how long that is. */
export type Fetched =
  | { readonly kind: 'data'; readonly lengthBytes: number; readonly data: Buffer }
  | { readonly kind: 'zero' | 'unused' | 'failed'; readonly lengthBytes: number };

export function sendFetch(sender: FrameSender, { id, lengthBytes, offset }: Fetch): void {
  const at = sender.begin(FrameType.fetch, FETCH_BYTES);
  writeUint64(sender.slab, at, id);
  writeUint64(sender.slab, at + 8, offset);
  sender.slab.writeUInt32LE(lengthBytes, at + 16);
  sender.end();
}

export function decodeFetch(body: Buffer, sizeBytes: number): Fetch {
  if (body.length !== FETCH_BYTES) throw new EterneError('protocol', 'a malformed FETCH');
  const offset = readUint64(body, 8);
  const lengthBytes = body.readUInt32LE(16);
  checkRange(offset, lengthBytes, MAX_RESYNC_BYTES, sizeBytes);
  return { id: readUint64(body, 0), offset, lengthBytes };
}

export function sendFetched(sender: FrameSender, id: number, fetched: Fetched): void {
  const at = sender.begin(FrameType.fetched, HEAD_BYTES);
  writeUint64(sender.slab, at, id);
  sender.slab.writeUInt32LE(KINDS.indexOf(fetched.kind), at + 8);
  sender.slab.writeUInt32LE(fetched.lengthBytes, at + 12);
  sender.end(fetched.kind === 'data' ? fetched.data : undefined);
}

/** The data is a view of the frame. */
export function decodeFetched(body: Buffer): { readonly id: number; readonly fetched: Fetched } {
  if (body.length < HEAD_BYTES) throw new EterneError('protocol', 'a short FETCHED');
  const kind = KINDS[body.readUInt32LE(8)];
  const lengthBytes = body.readUInt32LE(12);
  const data = body.subarray(HEAD_BYTES);
  const id = readUint64(body, 0);
  const isSound =
    data.length === (kind === 'data' ? lengthBytes : 0) &&
    (lengthBytes === 0) === (kind === 'failed') &&
    lengthBytes <= (kind === 'data' ? MAX_DATA_BYTES : MAX_RESYNC_BYTES);
  if (kind === undefined || !isSound) throw new EterneError('protocol', 'a malformed FETCHED');
  return { id, fetched: kind === 'data' ? { kind, lengthBytes, data } : { kind, lengthBytes } };
}
