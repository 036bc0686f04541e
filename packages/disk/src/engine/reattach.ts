/**
 * Takes the failed or detached disk of a serving primary back, or another one in its place. In order:
 *
 * 1. The store that has failed is closed, for it has locked what may be the same device. One that hangs is not waited for: what is behind it may be another one.
 * 2. If the disk is blank, the metadata says durably that everything is missing, and that no checksum is known, before anything is done that makes it look like
 *    what it replaces: opening creates a file that is not there.
 * 3. The disk is opened, and what it lacks is copied (`primary/rebuild.ts`).
 */
import { EterneError } from '@eterne/base';
import { answeredWithin, type BlockStore, type World } from '@eterne/runtime';
import type { VolumeConfig } from './api.ts';
import { findMissing, openDevice } from './disk/open-device.ts';
import type { LocalDisk } from './local-disk.ts';
import type { Primary } from './primary/primary.ts';

const CLOSE_TIMEOUT_MS = 2_000;

type Done = (error: EterneError | undefined) => void;

export interface ReattachParts {
  readonly world: World;
  readonly config: VolumeConfig;
  readonly disk: LocalDisk;
  readonly primary: Primary;
  readonly sizeBytes: number;
  /** By the operator's word it is another disk. */
  readonly replaced: boolean;
  /** What is known of the blocks of the disk before is nothing any more, durably. */
  readonly forgetChecksums: (done: Done) => void;
  /** Puts on an opened store what belongs there. */
  readonly wrap: (data: BlockStore) => BlockStore;
}

export function reattach(parts: ReattachParts, done: Done): void {
  const { config, forgetChecksums, primary, replaced, world } = parts;
  letGo(parts, () =>
    findMissing(world, config, (missing) => {
      if (missing instanceof EterneError) return done(missing);
      if (missing === undefined && !replaced) return open(parts, done);
      const thenOpen: Done = (error) => (error === undefined ? open(parts, done) : done(error));
      primary.localLacksAll((error) => (error === undefined ? forgetChecksums(thenOpen) : done(error)));
    }),
  );
}

function open({ config, primary, sizeBytes, world, wrap }: ReattachParts, done: Done): void {
  openDevice(world, config, sizeBytes, (data) => {
    if (data instanceof EterneError) done(data);
    else primary.rebuildLocal(wrap(data), done);
  });
}

function letGo({ disk, world }: ReattachParts, then: () => void): void {
  const finish = answeredWithin<void>(world.timers, CLOSE_TIMEOUT_MS, () => {}, then);
  disk.letGo(finish);
}
