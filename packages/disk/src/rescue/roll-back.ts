/**
 * Takes a replica whose copy was cut short back to what it was before. It is quiet: no session, no other write.
 *
 * 1. Every block that will change is marked dirty for the source, durably: it had cleared its bit. For third replicas everything is: at the
 *    copy's very end their bits are replaced by the source's, which say nothing of the content from before.
 * 2. The pre-images are written back, and flushed.
 * 3. One metadata update: the old generations, Outdated, and the name of the copy that was undone. With that name the source knows that its
 *    bits and ours together still cover the difference (`metadata/relation.ts`), and need not copy everything.
 * 4. The point is forgotten.
 *
 * Cut short before 3 the replica is as it was, half-copied, with more bits; it can go either way. After 3 `reconcile` does 4.
 */
import { EterneError, assert } from '@eterne/base';
import type { LocalDisk } from '../engine/local-disk.ts';
import { BLOCK_BYTES, type MetadataState, type VolumeMetadata } from '../metadata/index.ts';
import type { RescueDone } from './api.ts';
import type { RescuePoints } from './rescue.ts';
import type { VisitBlock } from './walk.ts';

export interface RollBackParts {
  readonly rescue: RescuePoints;
  readonly disk: LocalDisk;
  readonly metadata: VolumeMetadata;
}

export function rollBack(parts: RollBackParts, done: RescueDone): void {
  markAll(parts, (markError) => {
    if (markError !== undefined) return done(markError);
    writeBack(parts, (error) => {
      if (error !== undefined) return done(error);
      nameIt(parts, (nameError) => {
        if (nameError !== undefined) return done(nameError);
        parts.rescue.undone(done);
      });
    });
  });
}

function markAll({ rescue, metadata }: RollBackParts, done: RescueDone): void {
  const source = rescue.copyingFrom;
  for (const peer of metadata.peers) if (peer !== source) metadata.bitmap(peer).markAll();
  visit(
    rescue,
    (block, _data, next) => {
      const { offset, lengthBytes } = placeOf(block, metadata.sizeBytes);
      if (source !== undefined) metadata.bitmap(source).markDirty(offset, lengthBytes);
      next();
    },
    (error) => (error === undefined ? metadata.persistBitmaps(done) : done(error)),
  );
}

function writeBack({ rescue, disk, metadata }: RollBackParts, done: RescueDone): void {
  visit(
    rescue,
    (block, data, next) => {
      const { offset, lengthBytes } = placeOf(block, metadata.sizeBytes);
      disk.write(disk.foreign, offset, lengthBytes, data.subarray(0, lengthBytes), false, (error) =>
        next(error && ioError(error.message)),
      );
    },
    (error) => {
      if (error !== undefined) return done(error);
      disk.flush((flushError) => done(flushError && ioError(flushError.message)));
    },
  );
}

function nameIt({ rescue, metadata }: RollBackParts, done: RescueDone): void {
  const { before } = rescue;
  assert(before !== undefined, 'a point that can be gone back to is there until it is undone');
  const change = (state: MetadataState): MetadataState => ({
    ...state,
    diskState: 'Outdated',
    crashedPrimary: before.crashedPrimary,
    generations: before.generations,
    undoneSync: state.generations.current,
  });
  metadata.update(change, done);
}

function visit(rescue: RescuePoints, each: VisitBlock, done: RescueDone): void {
  const { copying } = rescue;
  assert(copying !== undefined, 'there is a copy to undo');
  rescue.visit(copying.id, each, done);
}

export function placeOf(block: number, sizeBytes: number): { offset: number; lengthBytes: number } {
  const offset = block * BLOCK_BYTES;
  return { offset, lengthBytes: Math.min(BLOCK_BYTES, sizeBytes - offset) };
}

function ioError(message: string): EterneError {
  return new EterneError('io', message);
}
