/**
 * Makes this replica larger, in two steps that each may be repeated:
 *
 * 1. *Prepare*: data and metadata have room, and all that is added reads as zeroes, durably. Metadata in the way, on the same device, has moved
 *    (`disk/move-metadata.ts`). The volume is as before.
 * 2. *Commit*: the metadata says the new size, durably in both slots, and whether it is confirmed: every member of the set has it. From here on writes may come
 *    behind the old end.
 *
 * A crash before the commit leaves stores that are longer than the volume, and nothing else. As every replica zeroes what it adds before its size
 * counts, replicas that were equal are equal behind the old end, too, and no block of it need be copied.
 */
import { EterneError } from '@eterne/base';
import type { MetadataDone, VolumeMetadata } from '../../metadata/index.ts';
import type { VolumeConfig } from '../api.ts';
import { Gauge } from '../gauge.ts';
import type { LocalDisk } from '../local-disk.ts';

export interface GrowthParts {
  readonly metadata: VolumeMetadata;
  readonly disk: LocalDisk;
  readonly config: Pick<VolumeConfig, 'node'>;
}

export class Growth {
  readonly #parts: GrowthParts;
  /** A step under way. They never overlap: what one zeroes the other may have given to writers. */
  readonly #work = new Gauge();
  /** Up to here everything is ready. */
  #preparedBytes = 0;

  constructor(parts: GrowthParts) {
    this.#parts = parts;
  }

  /** Another disk takes the place of the one that was prepared. */
  forget(): void {
    this.#preparedBytes = 0;
  }

  prepare(sizeBytes: number, done: MetadataDone): void {
    const { disk, metadata } = this.#parts;
    if (sizeBytes <= metadata.sizeBytes) return done(undefined);
    const problem = this.#problem();
    if (problem !== undefined || sizeBytes <= this.#preparedBytes) return done(problem);
    const finish = this.#begin(done);
    const prepared: MetadataDone = (error) => {
      if (error === undefined) this.#preparedBytes = sizeBytes;
      finish(error);
    };
    disk.grow(metadata.sizeBytes, sizeBytes, (error) => {
      if (error === undefined) return metadata.prepareGrowth(sizeBytes, prepared);
      const message = `the disk of ${this.#node} cannot grow: ${error.message}`;
      const isFull = error.errno === 'ENOSPC';
      const code = isFull ? 'no-space' : error.kind === 'logical' ? 'refused' : 'io';
      prepared(new EterneError(code, message, isFull ? { hint: 'enlarge the device first' } : {}));
    });
  }

  commit(sizeBytes: number, isConfirmed: boolean, done: MetadataDone): void {
    const { metadata } = this.#parts;
    this.prepare(sizeBytes, (error) => {
      const problem = error ?? this.#problem();
      if (sizeBytes <= metadata.sizeBytes) return done(undefined);
      if (problem !== undefined) return done(problem);
      metadata.grow(sizeBytes, isConfirmed, this.#begin(done));
    });
  }

  /** Before the stores are closed. */
  whenIdle(then: () => void): void {
    this.#work.whenIdle(then);
  }

  get #node(): string {
    return this.#parts.config.node;
  }

  #begin(done: MetadataDone): MetadataDone {
    this.#work.enter();
    return (error) => {
      this.#work.leave();
      done(error);
    };
  }

  #problem(): EterneError | undefined {
    const { disk } = this.#parts;
    if (this.#work.count > 0) return new EterneError('busy', `${this.#node} is growing already`);
    if (disk.failure !== undefined)
      return new EterneError('refused', `the disk of ${this.#node} has failed`, { hint: 'attach it first' });
    return undefined;
  }
}
