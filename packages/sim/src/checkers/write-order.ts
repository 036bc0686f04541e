import { PAGE_BYTES, SECTOR_BYTES } from '../world/page.ts';
import type { PageMap } from '../world/page-map.ts';
import type { History } from './history.ts';
import { FOREIGN, valueIn, ZERO } from './stamp.ts';

/**
 * The order of writes that a copy keeps which may lag behind: where it has a write, it has everything that a flush had covered before that write began, for an
 * application that cares writes in this order. Of a mirror set the order goes across its volumes. Sectors whose content
 * the disk has altered, or that are kept elsewhere, say nothing. A sentence about something that is missing, or undefined.
 */
export function findMisordered(
  history: History,
  pages: PageMap,
  isForgiven: (sector: number) => boolean,
): string | undefined {
  const touched = history.touched();
  const values = touched.map((sector) => valueAt(pages, sector));
  let newest = { order: 0, id: 0 };
  for (const id of values) {
    if (id === ZERO || id === FOREIGN) continue;
    const order = history.operations[id - 1]?.invokedOrder ?? 0;
    if (order > newest.order) newest = { order, id };
  }
  for (const [i, sector] of touched.entries()) {
    if (isForgiven(sector)) continue;
    const value = values[i] ?? FOREIGN;
    const sinceMs = history.coveredSince(sector, newest.order);
    if (sinceMs !== undefined && history.isOlderThan(sector, value, sinceMs))
      return `it has write ${newest.id}, but sector ${sector} holds write ${value}, older than what a flush had covered before`;
  }
  return undefined;
}

function valueAt(pages: PageMap, sector: number): number {
  const offset = sector * SECTOR_BYTES;
  const within = offset % PAGE_BYTES;
  return valueIn(pages.page(offset - within), sector);
}
