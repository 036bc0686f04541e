/**
 * What metadata costs on the write path, in memory: marking a block dirty and touching + releasing a hot extent.
 * `npm run bench -- metadata` prints the median of 11 rounds in nanoseconds per call; each should stay under 200.
 */
import { assert, TIB } from '@eterne/base';
import { ActivityLogDriver } from '@eterne/disk/metadata/activity-log.ts';
import { BLOCK_BYTES, EXTENT_BYTES } from '@eterne/disk/metadata/api.ts';
import { Bitmap } from '@eterne/disk/metadata/bitmap.ts';
import { DEFAULT_LOG_SLOTS } from '@eterne/disk/metadata/layout.ts';

const VOLUME_BYTES = 1 * TIB;
const CALLS = 1_000_000;
const ROUNDS = 11;

/** Offsets spread over `lengthBytes` without a random source: steps of a large odd number of blocks. */
function spreadOffset(call: number, lengthBytes: number): number {
  return ((call * 1_000_003) % (lengthBytes / BLOCK_BYTES)) * BLOCK_BYTES;
}

function medianNanoseconds(round: () => void): number {
  const results = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    round();
    return Number(process.hrtime.bigint() - start) / CALLS;
  });
  return results.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

function hotLog(): ActivityLogDriver {
  const extentCount = VOLUME_BYTES / EXTENT_BYTES;
  const identity = { replicaUuid: 'bench', epoch: 1, slotCount: DEFAULT_LOG_SLOTS, extentCount };
  const log = new ActivityLogDriver(identity, () => {
    log.collect();
    log.written();
  });
  for (let extent = 0; extent < DEFAULT_LOG_SLOTS; extent += 1) {
    log.touch(extent * EXTENT_BYTES, BLOCK_BYTES, () => {});
    log.release(extent * EXTENT_BYTES, BLOCK_BYTES, 1);
  }
  return log;
}

export function benchMetadata(): void {
  const bitmap = new Bitmap(VOLUME_BYTES);
  const marking = medianNanoseconds(() => {
    for (let call = 0; call < CALLS; call += 1)
      bitmap.mark(spreadOffset(call, VOLUME_BYTES / 64), BLOCK_BYTES);
  });
  const log = hotLog();
  const touching = medianNanoseconds(() => {
    for (let call = 0; call < CALLS; call += 1) {
      const offset = spreadOffset(call, DEFAULT_LOG_SLOTS * EXTENT_BYTES);
      assert(log.tryTouch(offset, BLOCK_BYTES), 'every extent is hot');
      log.release(offset, BLOCK_BYTES, 1);
    }
  });
  process.stdout.write(`mark a block dirty              ${marking.toFixed(0)} ns\n`);
  process.stdout.write(`touch and release a hot extent  ${touching.toFixed(0)} ns\n`);
}
