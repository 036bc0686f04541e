import { assert, EterneError } from '@eterne/base';
import { internalOffset } from '@eterne/disk/engine/disk/internal-place.ts';
import { metadataBytes, openMetadata } from '@eterne/disk/metadata/index.ts';
import type { SimDisk } from '../world/disk.ts';
import { MemoryStore } from '../world/memory-store.ts';
import { PAGE_BYTES } from '../world/page.ts';
import { PageMap } from '../world/page-map.ts';
import type { Prng } from '../world/prng.ts';

export interface BlankMetadata {
  readonly volume: string;
  readonly node: string;
  readonly peers: readonly string[];
  readonly sizeBytes: number;
  readonly activityLogSlots: number;
  /** Of a mirror set. */
  readonly setLayout?: string | undefined;
}

/** Blank metadata with a small activity log, as an operator may create it. */
export function formatMetadata(disk: SimDisk, random: Prng, blank: BlankMetadata): void {
  disk.load(blankPages(random, blank), metadataBytes(blank.sizeBytes));
}

/** The same behind the volume on its own disk, which keeps what is on it. */
export function formatBehind(disk: SimDisk, random: Prng, blank: BlankMetadata): void {
  const start = internalOffset(blank.sizeBytes);
  const pages = disk.copy();
  pages.place(blankPages(random, blank), start);
  disk.load(pages, start + metadataBytes(blank.sizeBytes) + PAGE_BYTES);
}

function blankPages(random: Prng, blank: BlankMetadata): PageMap {
  const pages = new PageMap();
  const store = new MemoryStore(pages, metadataBytes(blank.sizeBytes));
  const { setLayout, ...rest } = blank;
  const layout = setLayout === undefined ? {} : { setLayout };
  const done = (result: unknown): void =>
    assert(!(result instanceof EterneError), 'blank metadata can be made');
  openMetadata({ ...rest, ...layout, store, random }, (metadata) => {
    done(metadata);
    if (!(metadata instanceof EterneError)) metadata.close(done);
  });
  return pages;
}
