import { assert, EterneError } from '@eterne/base';
import { metadataBytes, openMetadata } from '@eterne/disk/metadata/index.ts';
import type { SimDisk } from '../world/disk.ts';
import { MemoryStore } from '../world/memory-store.ts';
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
  const sizeBytes = metadataBytes(blank.sizeBytes);
  const pages = new PageMap();
  const { setLayout, ...rest } = blank;
  const layout = setLayout === undefined ? {} : { setLayout };
  const done = (result: unknown): void =>
    assert(!(result instanceof EterneError), 'blank metadata can be made');
  openMetadata({ ...rest, ...layout, store: new MemoryStore(pages, sizeBytes), random }, (metadata) => {
    done(metadata);
    if (!(metadata instanceof EterneError)) metadata.close(done);
  });
  disk.load(pages, sizeBytes);
}
