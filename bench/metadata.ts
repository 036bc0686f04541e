/**
 * What metadata costs on the way of requests, in memory: marking a block dirty, touching and releasing a hot extent, and the checksums of
 * blocks that are written and read. `npm run bench -- metadata` prints the median of 11 rounds in nanoseconds per call; the first two should
 * stay under 200.
 */
import { assert, TIB } from '@eterne/base';
import { Checksums } from '@eterne/disk/engine/disk/checksums/checksums.ts';
import { ActivityLogDriver } from '@eterne/disk/metadata/activity-log.ts';
import { BLOCK_BYTES, EXTENT_BYTES } from '@eterne/disk/metadata/api.ts';
import { Bitmap } from '@eterne/disk/metadata/bitmap.ts';
import { DEFAULT_LOG_SLOTS } from '@eterne/disk/metadata/layout.ts';
import type { BlockStore } from '@eterne/runtime';
import { nullStore } from './lib/storeless/null-store.ts';

const VOLUME_BYTES = 1 * TIB;
const CALLS = 1_000_000;
/** Of those that go through 4 KiB. */
const BLOCK_CALLS = 100_000;
const ROUNDS = 11;

/** Offsets spread over `lengthBytes` without a random source: steps of a large odd number of blocks. */
function spreadOffset(call: number, lengthBytes: number): number {
  return ((call * 1_000_003) % (lengthBytes / BLOCK_BYTES)) * BLOCK_BYTES;
}

function medianNanoseconds(round: () => void, calls = CALLS): number {
  const results = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    round();
    return Number(process.hrtime.bigint() - start) / calls;
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

/** On the blocks of the hot set, all of zeroes. */
function benchChecksums(): void {
  const sizeBytes = DEFAULT_LOG_SLOTS * EXTENT_BYTES;
  const store = nullStore(2 * sizeBytes);
  const data = nullStore(sizeBytes);
  const checked = new Checksums(store, () => sizeBytes).wrap(data);
  const block = Buffer.alloc(BLOCK_BYTES);
  const each = (target: BlockStore, act: 'read' | 'write') => (): void => {
    for (let call = 0; call < BLOCK_CALLS; call += 1)
      target[act](spreadOffset(call, sizeBytes), block, (error) => assert(error === undefined, 'it answers'));
  };
  const nanoseconds = (target: BlockStore, act: 'read' | 'write'): number =>
    medianNanoseconds(each(target, act), BLOCK_CALLS);
  const written = nanoseconds(checked, 'write') - nanoseconds(data, 'write');
  const read = nanoseconds(checked, 'read') - nanoseconds(data, 'read');
  process.stdout.write(`checksum of 4 KiB written       ${written.toFixed(0)} ns\n`);
  process.stdout.write(`checksum of 4 KiB read          ${read.toFixed(0)} ns\n`);
}

/** To touch and release a hot extent. */
export function touchNanoseconds(): number {
  const log = hotLog();
  return medianNanoseconds(() => {
    for (let call = 0; call < CALLS; call += 1) {
      const offset = spreadOffset(call, DEFAULT_LOG_SLOTS * EXTENT_BYTES);
      assert(log.tryTouch(offset, BLOCK_BYTES), 'every extent is hot');
      log.release(offset, BLOCK_BYTES, 1);
    }
  });
}

export function benchMetadata(): void {
  const bitmap = new Bitmap(VOLUME_BYTES);
  const marking = medianNanoseconds(() => {
    for (let call = 0; call < CALLS; call += 1)
      bitmap.mark(spreadOffset(call, VOLUME_BYTES / 64), BLOCK_BYTES);
  });
  const touching = touchNanoseconds();
  process.stdout.write(`mark a block dirty              ${marking.toFixed(0)} ns\n`);
  process.stdout.write(`touch and release a hot extent  ${touching.toFixed(0)} ns\n`);
  benchChecksums();
}
