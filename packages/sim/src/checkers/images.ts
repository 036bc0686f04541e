/** What the rescue journals of a volume's replicas keep, to be searched for writes that are not on the volume any more. */
import type { MirrorVolume } from '@eterne/disk/engine/api.ts';
import type { RescueWatch } from '../standalone/rescue-watch.ts';
import type { SimProcess } from '../world/process.ts';
import type { Universe } from '../world/universe.ts';
import type { Medium } from './kept.ts';

const EXPORT_MS = 30_000;

export interface Keeper {
  readonly process: SimProcess;
  readonly volume: MirrorVolume | undefined;
}

/** The image of every point that a rescue journal keeps; true time passes meanwhile. */
export function exportImages(universe: Universe, keepers: Iterable<Keeper>, rescue: RescueWatch): Medium[] {
  const media: Medium[] = [];
  const open = new Set<string>();
  for (const { process, volume } of keepers) {
    const { node } = process;
    if (rescue.isWithout(node.name)) rescue.hasSaidSo = true;
    for (const { id, state, whole } of volume?.rescue?.points ?? []) {
      universe.count(`rescue points ${state}`);
      if (!whole) rescue.hasSaidSo = true;
      if (state !== 'kept' || !whole) continue;
      const path = `image-${id}.img`;
      open.add(`${node.name}:${path}`);
      process.enter(() =>
        volume?.rescue?.export(id, path, (error) => {
          open.delete(`${node.name}:${path}`);
          if (error !== undefined)
            return universe.violate('rescue', `point ${id} of ${node.name}: ${error.message}`);
          const pages = node.disk(path).copy();
          rescue.checkImage(node.name, id, pages);
          media.push({ name: `point ${id} of ${node.name}`, pages });
        }),
      );
    }
  }
  const deadline = universe.nowMs + EXPORT_MS;
  while (open.size > 0 && universe.nowMs < deadline && universe.violation === undefined)
    universe.runUntil(universe.nowMs + 50);
  if (open.size > 0) universe.violate('liveness', 'an image of a rescue point is never finished');
  return media;
}
