/** What lies where in a metadata store, for the report on crash points. */
import {
  GROUPS_OFFSET,
  LOG_OFFSET,
  LOG_RING_PAGES,
  MARKER_OFFSET,
  PAGE_BYTES,
} from '@eterne/disk/metadata/layout.ts';

const REGIONS: readonly (readonly [end: number, name: string])[] = [
  [MARKER_OFFSET, 'superblock'],
  [MARKER_OFFSET + PAGE_BYTES, 'marker'],
  [LOG_OFFSET + LOG_RING_PAGES * PAGE_BYTES, 'activity log'],
  [GROUPS_OFFSET, 'remap table'],
];

export function metadataRegionAt(offset: number): string {
  return REGIONS.find(([end]) => offset < end)?.[1] ?? 'bitmap';
}
