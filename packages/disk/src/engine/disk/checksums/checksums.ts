/**
 * Whether a replica keeps checksums, and those it keeps. A page of the metadata says that they are kept: while it does not, nobody
 * maintained them and what the metadata holds of them is void.
 */
import { crc32c, EterneError } from '@eterne/base';
import type { BlockStore, StoreDone, StoreError } from '@eterne/runtime';
import {
  CHECKSUM_MARKER_OFFSET,
  CHECKSUM_PAGES_PER_PAGE,
  checksumsOffset,
  layoutOf,
  PAGE_BYTES,
  PAGES_PER_GROUP,
} from '../../../metadata/layout.ts';
import type { VolumeMetadata } from '../../../metadata/index.ts';
import { inTurn, type Step } from '../in-turn.ts';
import { ChecksumPages } from './checksum-pages.ts';
import { ChecksummedStore } from './checksummed-store.ts';

const KEPT = keptMarker();
const NOT_KEPT = Buffer.alloc(PAGE_BYTES);

export class Checksums {
  readonly #store: BlockStore;
  readonly #pages: ChecksumPages;
  readonly #volumeBytes: () => number;
  #data: BlockStore | undefined;
  #mismatchCount = 0;

  constructor(metadataStore: BlockStore, volumeBytes: () => number) {
    this.#store = metadataStore;
    this.#volumeBytes = volumeBytes;
    this.#pages = new ChecksumPages(metadataStore, volumeBytes, (done) => {
      if (this.#data === undefined) done(undefined);
      else this.#data.flush(done);
    });
  }

  /** Blocks that were found to be something else than what was written, each time they were. */
  get mismatchCount(): number {
    return this.#mismatchCount;
  }

  /** The disk that the checksums are of, from now on. */
  wrap(data: BlockStore): BlockStore {
    this.#data = data;
    this.#pages.dataReplaced();
    return new ChecksummedStore(data, this.#pages, this.#volumeBytes, () => (this.#mismatchCount += 1));
  }

  /** A blank disk is about to take the place of one that has failed: nothing is known of it, durably. */
  forget(done: (error: EterneError | undefined) => void): void {
    this.#pages.whenUnwritten(() =>
      inTurn(forgetAll(this.#store, this.#volumeBytes()), (error) => {
        if (error !== undefined) return done(failed(error));
        this.#pages.forget();
        done(undefined);
      }),
    );
  }

  /** Nothing is written any more: what is known becomes durable. */
  settle(done: StoreDone): void {
    this.#pages.settle(done);
  }
}

/** `isKept`: as the configuration says. Answers undefined where none are kept. */
export function openChecksums(
  store: BlockStore,
  metadata: Pick<VolumeMetadata, 'sizeBytes' | 'state'>,
  isKept: boolean,
  done: (result: Checksums | undefined | EterneError) => void,
): void {
  const found = Buffer.alloc(PAGE_BYTES);
  store.read(CHECKSUM_MARKER_OFFSET, found, (error) => {
    if (error !== undefined) return done(failed(error));
    const wasKept = found.equals(KEPT);
    const isVoid = isKept && (!wasKept || metadata.state.justCreated);
    const steps: Step[] = [
      ...(isVoid ? forgetAll(store, metadata.sizeBytes) : []),
      ...(isKept === wasKept ? [] : mark(store, isKept ? KEPT : NOT_KEPT)),
    ];
    inTurn(steps, (problem) => {
      if (problem !== undefined) done(failed(problem));
      else done(isKept ? new Checksums(store, () => metadata.sizeBytes) : undefined);
    });
  });
}

function mark(store: BlockStore, page: Buffer): readonly Step[] {
  return [(next) => store.write(CHECKSUM_MARKER_OFFSET, page, next), (next) => store.flush(next)];
}

/** Everything is unknown, durably. */
function forgetAll(store: BlockStore, sizeBytes: number): readonly Step[] {
  const layout = layoutOf(sizeBytes);
  const lengthBytes = PAGES_PER_GROUP * CHECKSUM_PAGES_PER_PAGE * PAGE_BYTES;
  const groups = Array.from({ length: layout.groupCount }, (_, group): Step => {
    const offset = checksumsOffset(layout, group * PAGES_PER_GROUP);
    return (next) => store.writeZeroes(offset, lengthBytes, true, next);
  });
  return [...groups, (next) => store.flush(next)];
}

/** Magic `ETERNCRC` and its checksum: one page, so that half of it is none. */
function keptMarker(): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  page.write('ETERNCRC', 'latin1');
  page.writeUInt32LE(crc32c(page.subarray(0, 8)), 8);
  return page;
}

function failed(error: StoreError): EterneError {
  return new EterneError('io', `the checksums in the metadata: ${error.message}`);
}
