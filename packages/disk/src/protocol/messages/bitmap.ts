/**
 * Sets of blocks, in as many frames as they need: `last u8 · all u8 · runs of (first block u48, blocks u32)`. `all`: every block, and no
 * runs follow. `last`: the set is complete.
 *
 * - BITMAP: dirty blocks that the sender keeps for the receiver, before a copy.
 * - UNSETTLED, source → target, when the target has every block: those that some third replica may not have, or not durably.
 * - THIRD_BITMAP, source → target, with RESYNC_NAMES: dirty blocks that the sender keeps for a third replica, whose name (text) precedes
 *   each frame's set.
 */
import type { BlockNumber } from '@eterne/base';
import { EterneError } from '@eterne/base';
import { BLOCK_BYTES, MAX_NAME_BYTES, type DirtyBitmap } from '../../metadata/api.ts';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType, HEADER_BYTES } from '../wire.ts';

const HEAD_BYTES = 2;
const RUN_BYTES = 10;
const MAX_RUNS = 6400;
const MAX_RUN_BLOCKS = 0xffff_ffff;

type SetFrame = typeof FrameType.bitmap | typeof FrameType.unsettled | typeof FrameType.thirdBitmap;

interface Run {
  readonly first: number;
  readonly count: number;
}

interface SetPart {
  readonly runs: readonly Run[];
  readonly last: boolean;
  readonly all: boolean;
}

export interface BitmapMessage {
  readonly last: boolean;
  readonly all: boolean;
}

const NO_PREFIX = Buffer.alloc(0);

/** Sends the whole bitmap as it is now. Returns the bytes that it takes on the wire. */
export function sendBitmap(sender: FrameSender, bitmap: DirtyBitmap): number {
  let wireBytes = 0;
  for (const part of partsOf(bitmap)) {
    sendFrame(sender, FrameType.bitmap, NO_PREFIX, part);
    wireBytes += HEADER_BYTES + HEAD_BYTES + part.runs.length * RUN_BYTES;
  }
  return wireBytes;
}

export function sendThirdBitmap(sender: FrameSender, node: string, bitmap: DirtyBitmap): void {
  const name = Buffer.from(node);
  const prefix = Buffer.concat([Buffer.of(name.length), name]);
  for (const part of partsOf(bitmap)) sendFrame(sender, FrameType.thirdBitmap, prefix, part);
}

/** `forEachRun` gives byte ranges of the volume. */
export function sendUnsettled(
  sender: FrameSender,
  forEachRun: (each: (offset: number, lengthBytes: number) => void) => void,
): void {
  let runs: Run[] = [];
  forEachRun((offset, lengthBytes) => {
    const first = Math.floor(offset / BLOCK_BYTES);
    runs.push({ first, count: Math.ceil((offset + lengthBytes) / BLOCK_BYTES) - first });
    if (runs.length < MAX_RUNS) return;
    sendFrame(sender, FrameType.unsettled, NO_PREFIX, { runs, last: false, all: false });
    runs = [];
  });
  sendFrame(sender, FrameType.unsettled, NO_PREFIX, { runs, last: true, all: false });
}

/** Which third replica a THIRD_BITMAP is about, and the set that follows the name. */
export function splitThirdBitmap(body: Buffer): { readonly node: string; readonly set: Buffer } {
  const length = body[0] ?? 0;
  if (length === 0 || length > MAX_NAME_BYTES || body.length < 1 + length)
    throw new EterneError('protocol', 'a THIRD_BITMAP without a name');
  return { node: body.toString('utf8', 1, 1 + length), set: body.subarray(1 + length) };
}

function* partsOf(bitmap: DirtyBitmap): Generator<SetPart> {
  if (bitmap.dirtyBlocks === bitmap.blockCount) return yield { runs: [], last: true, all: true };
  let runs: Run[] = [];
  let from = 0;
  for (;;) {
    const range = from < bitmap.blockCount && bitmap.nextDirty(from as BlockNumber, MAX_RUN_BLOCKS);
    if (!range) break;
    runs.push({ first: range.firstBlock, count: range.blockCount });
    from = range.firstBlock + range.blockCount;
    if (runs.length === MAX_RUNS) {
      yield { runs, last: false, all: false };
      runs = [];
    }
  }
  yield { runs, last: true, all: false };
}

function sendFrame(sender: FrameSender, type: SetFrame, prefix: Buffer, { runs, last, all }: SetPart): void {
  let at = sender.begin(type, prefix.length + HEAD_BYTES + runs.length * RUN_BYTES);
  prefix.copy(sender.slab, at);
  at += prefix.length;
  sender.slab[at] = last ? 1 : 0;
  sender.slab[at + 1] = all ? 1 : 0;
  at += HEAD_BYTES;
  for (const { first, count } of runs) {
    sender.slab.writeUIntLE(first, at, 6);
    sender.slab.writeUInt32LE(count, at + 6);
    at += RUN_BYTES;
  }
  sender.end();
}

/** Calls `each` with every run, checked to lie within `blockCount`. */
export function decodeBitmap(
  body: Buffer,
  blockCount: number,
  each: (firstBlock: number, count: number) => void,
): BitmapMessage {
  const last = body[0];
  const all = body[1];
  const wrongLength = body.length < HEAD_BYTES || (body.length - HEAD_BYTES) % RUN_BYTES !== 0;
  if (wrongLength || last === undefined || last > 1 || all === undefined || all > 1)
    throw new EterneError('protocol', 'a malformed set of blocks');
  for (let at = HEAD_BYTES; at < body.length; at += RUN_BYTES) {
    const first = body.readUIntLE(at, 6);
    const count = body.readUInt32LE(at + 6);
    if (count === 0 || first + count > blockCount)
      throw new EterneError('protocol', 'a run of blocks outside the volume');
    each(first, count);
  }
  return { last: last === 1, all: all === 1 };
}
