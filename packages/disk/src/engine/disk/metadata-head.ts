/**
 * The head of a metadata region: both superblocks and the creation marker. Without it a place holds no metadata.
 *
 * A copy gets and loses its head in an order in which no power failure leaves one that looks damaged: a superblock is not ours without its first sector, which
 * has the magic, and no marker is there without a superblock.
 */
import type { BlockStore, StoreDone } from '@eterne/runtime';
import { MARKER_OFFSET, PAGE_BYTES, SECTOR_BYTES } from '../../metadata/layout.ts';
import { inTurn } from './in-turn.ts';

export const HEAD_BYTES = MARKER_OFFSET + PAGE_BYTES;

/** Into zeroes. What was written before is durable first; the head itself is when its superblocks are, and the marker with the next flush. */
export function writeHead(device: BlockStore, start: number, head: Buffer, done: StoreDone): void {
  inTurn(
    [
      (next) => device.write(start, beheaded(head), next),
      (next) => device.flush(next),
      (next) => device.write(start, superblocksOf(head), next),
      (next) => device.flush(next),
      (next) => device.write(start + MARKER_OFFSET, head.subarray(MARKER_OFFSET), next),
    ],
    done,
  );
}

/** Durably. */
export function eraseHead(device: BlockStore, start: number, head: Buffer, done: StoreDone): void {
  inTurn(
    [
      (next) => device.writeZeroes(start + MARKER_OFFSET, PAGE_BYTES, false, next),
      (next) => device.flush(next),
      (next) => device.write(start, beheaded(head), next),
      (next) => device.flush(next),
      (next) => device.writeZeroes(start, HEAD_BYTES, false, next),
      (next) => device.flush(next),
    ],
    done,
  );
}

function superblocksOf(head: Buffer): Buffer {
  return head.subarray(0, MARKER_OFFSET);
}

/** The superblocks without what makes them ours. */
function beheaded(head: Buffer): Buffer {
  const rest = Buffer.from(superblocksOf(head));
  for (let at = 0; at < rest.length; at += PAGE_BYTES) rest.fill(0, at, at + SECTOR_BYTES);
  return rest;
}
