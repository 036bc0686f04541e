import { EterneError } from '@eterne/base';
import type { BlockStore, World } from '@eterne/runtime';
import { loadRemapTable } from '../../metadata/load-remap-table.ts';
import { metadataBytes, openMetadata, type VolumeMetadata } from '../../metadata/index.ts';
import type { VolumeConfig } from '../api.ts';
import { RemappingStore } from './remapping-store.ts';

export interface OpenedStores {
  readonly data: RemappingStore;
  readonly metadata: VolumeMetadata;
}

type Done = (result: OpenedStores | EterneError) => void;

/** Opens data and metadata of a replica. Errors: those of `Stores.open` and `openMetadata`, and `config` when the device is too small. */
export function openStores(world: World, config: VolumeConfig, done: Done): void {
  const { devicePath, diskTimeoutMs, metadataPath, sizeBytes } = config;
  world.stores.open(devicePath, { createSizeBytes: sizeBytes, timeoutMs: diskTimeoutMs }, (data) => {
    if (data instanceof EterneError) return done(data);
    const fail = (error: EterneError): void => data.close(() => done(error));
    if (data.sizeBytes < sizeBytes)
      return fail(new EterneError('config', `${devicePath} is smaller than the volume (${sizeBytes} bytes)`));
    const options = { createSizeBytes: metadataBytes(sizeBytes), timeoutMs: diskTimeoutMs };
    world.stores.open(metadataPath, options, (store) => {
      if (store instanceof EterneError) return fail(store);
      openOn(world, config, store, data, (result) =>
        result instanceof EterneError ? fail(result) : done(result),
      );
    });
  });
}

function openOn(world: World, config: VolumeConfig, store: BlockStore, data: BlockStore, done: Done): void {
  const options = {
    store,
    random: world.random,
    volume: config.name,
    node: config.node,
    sizeBytes: config.sizeBytes,
    peers: Object.keys(config.peers),
  };
  openMetadata(options, (metadata) => {
    if (metadata instanceof EterneError) return done(metadata);
    loadRemapTable(store, metadata.replicaUuid, (table) => {
      if (table instanceof EterneError) metadata.close(() => done(table));
      else done({ data: new RemappingStore(data, store, table), metadata });
    });
  });
}
