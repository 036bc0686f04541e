/**
 * Comparing two equal replicas, and repairing what differs, within a session. Who compares to whom is in `engine/verify/`.
 *
 * - VERIFY_ASK, to the side that is to be the source: `job u8 · repair u8`. Please do this.
 * - VERIFY_BEGIN, source → target: the same body. It begins; a `fast` job is answered by VERIFY_END.
 * - VERIFY_DATA, source → target: `offset u64 · length u32 · kind u32 · data`. Kind 0: the bytes; 1: all zeroes, no data; 2: their SHA-256.
 * - VERIFY_RESULT, target → source: `offset u64 · length u32 · verdict u32 · runs of (offset u64, length u32)`. Verdict 0: nothing differs but
 *   these runs; 1: the digest differs, so that the bytes are wanted.
 * - VERIFY_END, from either side: `job u8 · done u8 · checked u64 · differing u64 · wire u64 · current generation text · reason text`.
 */
import { EterneError } from '@eterne/base';
import type { Uuid } from '../../metadata/api.ts';
import { FieldReader, FieldWriter } from '../fields.ts';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, MAX_DATA_BYTES, readUint64, writeUint64 } from '../wire.ts';
import { readUuid } from './common.ts';
import { DIGEST_BYTES, type Range } from './resync.ts';
import { checkRange } from './write.ts';

export const VERIFY_JOBS = ['direct', 'digest', 'fast', 'repair'] as const;
/** `direct` compares bytes, `digest` digests first, `fast` bitmaps and generations only; `repair` copies what is marked already. */
export type VerifyJob = (typeof VERIFY_JOBS)[number];

const HEAD_BYTES = 16;
const RUN_BYTES = 12;
const MAX_REASON_BYTES = 255;
/** Where a long reason is cut; half a character becomes a mark of three bytes. */
const CUT_REASON_BYTES = 250;
/** A source has no more unanswered, but for the last range. */
export const VERIFY_WINDOW_BYTES = 8 * 1024 * 1024;

export interface VerifyRequest {
  readonly job: VerifyJob;
  /** Copy what differs, at once. */
  readonly repair: boolean;
}

export type VerifyContent =
  { readonly kind: 'data'; readonly data: Buffer } | { readonly kind: 'zero' } | VerifyDigest;

export interface VerifyDigest {
  readonly kind: 'digest';
  /** SHA-256 of the range's bytes. */
  readonly digest: Buffer;
}

/** `content` is a view of the frame. */
export type VerifyData = Range & { readonly content: VerifyContent };

export interface VerifyResult extends Range {
  readonly digestDiffers: boolean;
  readonly differing: readonly Range[];
}

export interface VerifyEnd {
  readonly job: VerifyJob;
  /** Every block was looked at. */
  readonly isDone: boolean;
  readonly checkedBytes: number;
  readonly differingBytes: number;
  readonly wireBytes: number;
  /** What the sender's content is called. */
  readonly current: Uuid;
  readonly reason: string;
}

export function encodeVerifyRequest(request: VerifyRequest): Buffer {
  return new FieldWriter().byte(VERIFY_JOBS.indexOf(request.job)).byte(Number(request.repair)).finish();
}

export function decodeVerifyRequest(body: Buffer): VerifyRequest {
  const from = new FieldReader(body);
  const request = { job: from.choice(VERIFY_JOBS), repair: from.flag() };
  from.finish();
  return request;
}

const KINDS: readonly VerifyContent['kind'][] = ['data', 'zero', 'digest'];

/** The caller must not change the data until the stream has sent it. */
export function sendVerifyData(sender: FrameSender, range: Range, content: VerifyContent): void {
  head(sender, FrameType.verifyData, range, KINDS.indexOf(content.kind), 0);
  sender.end(content.kind === 'data' ? content.data : content.kind === 'digest' ? content.digest : undefined);
}

export function decodeVerifyData(body: Buffer, sizeBytes: number): VerifyData {
  const range = decodeHead(body, sizeBytes);
  const rest = body.subarray(HEAD_BYTES);
  const kind = KINDS[body.readUInt32LE(12)];
  if (kind === 'data' && rest.length === range.lengthBytes)
    return { ...range, content: { kind, data: rest } };
  if (kind === 'digest' && rest.length === DIGEST_BYTES) return { ...range, content: { kind, digest: rest } };
  if (kind === 'zero' && rest.length === 0) return { ...range, content: { kind } };
  throw new EterneError('protocol', 'a malformed VERIFY_DATA');
}

export function sendVerifyResult(sender: FrameSender, result: VerifyResult): void {
  const verdict = result.digestDiffers ? 1 : 0;
  let at = head(sender, FrameType.verifyResult, result, verdict, result.differing.length * RUN_BYTES);
  for (const { offset, lengthBytes } of result.differing) {
    writeUint64(sender.slab, at, offset);
    sender.slab.writeUInt32LE(lengthBytes, at + 8);
    at += RUN_BYTES;
  }
  sender.end();
}

export function decodeVerifyResult(body: Buffer, sizeBytes: number): VerifyResult {
  const range = decodeHead(body, sizeBytes);
  const verdict = body.readUInt32LE(12);
  const isWhole = (body.length - HEAD_BYTES) % RUN_BYTES === 0;
  if (verdict > 1 || !isWhole || (verdict === 1 && body.length !== HEAD_BYTES))
    throw new EterneError('protocol', 'a malformed VERIFY_RESULT');
  const differing: Range[] = [];
  for (let at = HEAD_BYTES; at < body.length; at += RUN_BYTES) {
    const run = { offset: readUint64(body, at), lengthBytes: body.readUInt32LE(at + 8) };
    const isInside =
      run.offset >= range.offset && run.offset + run.lengthBytes <= range.offset + range.lengthBytes;
    if (!isInside || run.lengthBytes === 0)
      throw new EterneError('protocol', 'a difference outside its range');
    differing.push(run);
  }
  return { ...range, digestDiffers: verdict === 1, differing };
}

export function encodeVerifyEnd(end: VerifyEnd): Buffer {
  const reason = Buffer.from(end.reason).subarray(0, CUT_REASON_BYTES).toString();
  return new FieldWriter()
    .byte(VERIFY_JOBS.indexOf(end.job))
    .byte(Number(end.isDone))
    .uint64(end.checkedBytes)
    .uint64(end.differingBytes)
    .uint64(end.wireBytes)
    .text(end.current)
    .text(reason)
    .finish();
}

export function decodeVerifyEnd(body: Buffer): VerifyEnd {
  const from = new FieldReader(body);
  const end = {
    job: from.choice(VERIFY_JOBS),
    isDone: from.flag(),
    checkedBytes: from.uint64(),
    differingBytes: from.uint64(),
    wireBytes: from.uint64(),
    current: readUuid(from),
    reason: from.text(MAX_REASON_BYTES),
  };
  from.finish();
  return end;
}

/** Returns where in the slab `moreBytes` follow. */
function head(sender: FrameSender, type: FrameType, range: Range, word: number, moreBytes: number): number {
  const at = sender.begin(type, HEAD_BYTES + moreBytes);
  writeUint64(sender.slab, at, range.offset);
  sender.slab.writeUInt32LE(range.lengthBytes, at + 8);
  sender.slab.writeUInt32LE(word, at + 12);
  return at + HEAD_BYTES;
}

function decodeHead(body: Buffer, sizeBytes: number): Range {
  if (body.length < HEAD_BYTES) throw new EterneError('protocol', 'a short frame of a verify');
  const range = { offset: readUint64(body, 0), lengthBytes: body.readUInt32LE(8) };
  checkRange(range.offset, range.lengthBytes, MAX_DATA_BYTES, sizeBytes);
  return range;
}
