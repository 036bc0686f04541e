import { EterneError } from '@eterne/base';
import { openMetadata } from '../../../src/metadata/index.ts';
import { storeOn } from './memory-disk.ts';
import { SIZE_BYTES, type Mesh, type TestNode } from './mesh.ts';

/** Metadata as somebody may create it: few extents can be hot at once. */
export function keepSmallLog(mesh: Mesh, { name, metadata }: TestNode, peers: readonly string[]): void {
  const store = storeOn(
    metadata,
    mesh.scheduler,
    () => false,
    () => 0,
  );
  const blank = { volume: 'v0', node: name, peers, sizeBytes: SIZE_BYTES, activityLogSlots: 2 };
  let isClosed = false;
  openMetadata({ ...blank, store, random: mesh.random }, (opened) => {
    if (opened instanceof EterneError) throw opened;
    opened.close(() => (isClosed = true));
  });
  mesh.until(() => isClosed);
}
