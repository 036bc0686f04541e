/**
 * Writes what a replica held at a point into a new file. The replica goes on meanwhile: first its present content is copied, then the
 * pre-images are laid over it. A block that was overwritten before it was copied, or while, has its pre-image in the journal by then; one
 * that is overwritten later has been copied as it was.
 */
import { EterneError } from '@eterne/base';
import type { BlockStore, World } from '@eterne/runtime';
import type { LocalDisk } from '../engine/local-disk.ts';
import { BLOCK_BYTES } from '../metadata/index.ts';
import { isZero } from '../metadata/zero.ts';
import type { RescueDone } from './api.ts';
import type { RescuePoints } from './rescue.ts';
import { placeOf } from './roll-back.ts';
import { loop } from './walk.ts';

const CHUNK_BYTES = 1024 * 1024;

export interface ExportParts {
  readonly world: World;
  readonly rescue: RescuePoints;
  readonly disk: LocalDisk;
  /** What of the disk the image is of: all of it, or one volume of a mirror set. Begins and ends with blocks. */
  readonly start: number;
  readonly sizeBytes: number;
}

/** Errors: `exists`, `not-found` (no such point), `corrupt` (the journal), those of `Stores.open`, `io`. An unfinished file is removed. */
export function exportImage(parts: ExportParts, id: number, path: string, done: RescueDone): void {
  const { world, sizeBytes, rescue } = parts;
  if (!rescue.points.some((point) => point.id === id))
    return done(new EterneError('not-found', `there is no rescue point ${id}`));
  create(world, path, sizeBytes, (image) => {
    if (image instanceof EterneError) return done(image);
    fill(parts, id, image, (error) =>
      image.close(() => {
        if (error === undefined) done(undefined);
        else world.files.remove(path, () => done(error));
      }),
    );
  });
}

function create(
  { stores }: World,
  path: string,
  sizeBytes: number,
  done: (result: BlockStore | EterneError) => void,
): void {
  stores.open(path, { readOnly: true }, (present) => {
    if (!(present instanceof EterneError))
      return present.close(() => done(new EterneError('exists', `${path} exists already`)));
    if (present.code !== 'not-found') return done(present);
    stores.open(path, { createSizeBytes: sizeBytes }, done);
  });
}

function fill(parts: ExportParts, id: number, image: BlockStore, done: RescueDone): void {
  copyPresent(parts, image, (copyError) => {
    if (copyError !== undefined) return done(copyError);
    layOver(parts, id, image, (error) => {
      if (error !== undefined) return done(error);
      image.flush((flushError) => done(flushError && ioError(flushError.message)));
    });
  });
}

function copyPresent({ disk, sizeBytes, start }: ExportParts, image: BlockStore, done: RescueDone): void {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let offset = 0;
  let failure: EterneError | undefined;
  loop(
    (next) => {
      const piece = chunk.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - offset));
      if (piece.length === 0) return next(false);
      const finished = (error: { readonly message: string } | undefined): void => {
        failure = error && ioError(error.message);
        offset += piece.length;
        next(failure === undefined);
      };
      disk.read(start + offset, piece, (error) => {
        // The new file reads as zeroes there already.
        if (error !== undefined || isZero(piece)) finished(error);
        else image.write(offset, piece, finished);
      });
    },
    () => done(failure),
  );
}

function layOver(parts: ExportParts, id: number, image: BlockStore, done: RescueDone): void {
  const { rescue, sizeBytes, start } = parts;
  rescue.visit(
    id,
    (block, data, next) => {
      const { offset, lengthBytes } = placeOf(block - start / BLOCK_BYTES, sizeBytes);
      if (offset < 0 || offset >= sizeBytes) return next(undefined);
      image.write(offset, data.subarray(0, lengthBytes), (error) => next(error && ioError(error.message)));
    },
    done,
  );
}

function ioError(message: string): EterneError {
  return new EterneError('io', `writing the image: ${message}`);
}
