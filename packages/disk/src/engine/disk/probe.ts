import type { BlockStore } from '@eterne/runtime';
import { BLOCK_BYTES } from '../../metadata/index.ts';

/** Does the device still answer? It does when any of its first, middle and last block can be read: then an error elsewhere is a bad sector. */
export function probe(store: BlockStore, done: (isAlive: boolean) => void): void {
  const blocks = Math.floor(store.sizeBytes / BLOCK_BYTES);
  const places = [0, Math.floor(blocks / 2), blocks - 1].map((block) => Math.max(0, block) * BLOCK_BYTES);
  const into = Buffer.alloc(Math.min(BLOCK_BYTES, store.sizeBytes));
  const next = (index: number): void => {
    const place = places[index];
    if (place === undefined) return done(false);
    store.read(place, into, (error) => {
      if (error === undefined) done(true);
      else if (error.kind === 'sector') next(index + 1);
      else done(false);
    });
  };
  next(0);
}
