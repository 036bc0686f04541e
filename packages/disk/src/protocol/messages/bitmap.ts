/**
 * BITMAP: dirty blocks that the sender keeps for the receiver, before a copy. `last u8 · all u8 · runs of (first block u48, blocks u32)`.
 * `all`: every block is dirty and no runs follow. The frame with `last` ends the exchange of this direction.
 */
import type { BlockNumber } from '@eterne/base';
import { EterneError } from '@eterne/base';
import type { DirtyBitmap } from '../../metadata/api.ts';
import type { FrameSender } from '../frame-sender.ts';
import { FrameType } from '../wire.ts';

const HEAD_BYTES = 2;
const RUN_BYTES = 10;
const MAX_RUNS = 6400;
const MAX_RUN_BLOCKS = 0xffff_ffff;

export interface BitmapMessage {
  readonly last: boolean;
  readonly all: boolean;
}

/** Sends the whole bitmap as it is now, in as many frames as it needs. */
export function sendBitmap(sender: FrameSender, bitmap: DirtyBitmap): void {
  if (bitmap.dirtyBlocks === bitmap.blockCount) return sendFrame(sender, [], true, true);
  let runs: { first: number; count: number }[] = [];
  let from = 0;
  for (;;) {
    const range = from < bitmap.blockCount && bitmap.nextDirty(from as BlockNumber, MAX_RUN_BLOCKS);
    if (!range) break;
    runs.push({ first: range.firstBlock, count: range.blockCount });
    from = range.firstBlock + range.blockCount;
    if (runs.length === MAX_RUNS) {
      sendFrame(sender, runs, false, false);
      runs = [];
    }
  }
  sendFrame(sender, runs, true, false);
}

function sendFrame(
  sender: FrameSender,
  runs: readonly { first: number; count: number }[],
  last: boolean,
  all: boolean,
): void {
  let at = sender.begin(FrameType.bitmap, HEAD_BYTES + runs.length * RUN_BYTES);
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
    throw new EterneError('protocol', 'a malformed BITMAP');
  for (let at = HEAD_BYTES; at < body.length; at += RUN_BYTES) {
    const first = body.readUIntLE(at, 6);
    const count = body.readUInt32LE(at + 6);
    if (count === 0 || first + count > blockCount)
      throw new EterneError('protocol', 'a BITMAP run outside the volume');
    each(first, count);
  }
  return { last: last === 1, all: all === 1 };
}
