/** The metadata of a replica, on a disk of its own or behind the data, as checkers look at it. */
import { EterneError } from '@eterne/base';
import type { VolumeConfig } from '@eterne/disk/engine/api.ts';
import { findInternal } from '@eterne/disk/engine/disk/internal-place.ts';
import type { Region } from '@eterne/disk/engine/disk/region-store.ts';
import type { BlockStore } from '@eterne/runtime';
import type { SimDisk } from '../world/disk.ts';
import { MemoryStore } from '../world/memory-store.ts';
import type { PageMap } from '../world/page-map.ts';

export interface MetadataDisk {
  /** 0: nobody has made it. */
  readonly sizeBytes: number;
  readonly version: number;
  readonly unflushedCount: number;
  /** A copy of what is there, or of what might be there after a power loss. */
  imagine(afterPowerLoss: boolean): BlockStore | EterneError;
  /** What no power loss could take. */
  durable(): BlockStore | EterneError;
}

export function metadataAlone(disk: SimDisk): MetadataDisk {
  return viewOf(disk, (pages) => new MemoryStore(pages, disk.sizeBytes));
}

type PlacedVolume = Pick<VolumeConfig, 'name' | 'node' | 'sizeBytes'>;

/** Where the real code finds it. */
export function metadataBehind(disk: SimDisk, volume: PlacedVolume): MetadataDisk {
  return viewOf(disk, (pages) => {
    const region = findOn(disk, pages, volume);
    if (region instanceof EterneError) return region;
    return new MemoryStore(pages.behind(region.start), disk.sizeBytes - region.start);
  });
}

/** Where it is now, bytes from the start of the disk; undefined when that cannot be told. */
export function metadataStart(disk: SimDisk, volume: PlacedVolume): number | undefined {
  const region = findOn(disk, disk.copy(), volume);
  return region instanceof EterneError ? undefined : region.start;
}

function findOn(disk: SimDisk, pages: PageMap, volume: PlacedVolume): Region | EterneError {
  const store = new MemoryStore(pages, disk.sizeBytes);
  let found: Region | EterneError | undefined;
  findInternal(
    { stores: { open: (_path, _options, done) => done(store) } },
    { ...volume, devicePath: disk.name, diskTimeoutMs: 1_000 },
    (region) => (found = region),
  );
  return found ?? new EterneError('io', 'a store in memory answers at once');
}

function viewOf(disk: SimDisk, storeOf: (pages: PageMap) => BlockStore | EterneError): MetadataDisk {
  return {
    get sizeBytes() {
      return disk.sizeBytes;
    },
    get version() {
      return disk.version;
    },
    get unflushedCount() {
      return disk.unflushedCount;
    },
    imagine: (afterPowerLoss) => storeOf(disk.imagine(afterPowerLoss).clone()),
    durable: () => storeOf(disk.durableCopy()),
  };
}
