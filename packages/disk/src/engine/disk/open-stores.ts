/**
 * Opens what a replica is kept in.
 *
 * - External metadata: two stores. Internal: one, with the metadata behind the volume (`internal-place.ts`), wherever the device ends.
 * - A file that had to be created although the metadata knows of data is a replaced disk: the replica begins anew, as a
 *   target of a full synchronisation. It must never be taken for what it replaces.
 */
import { EterneError, type ErrorCode } from '@eterne/base';
import type { BlockStore, StoreError, World } from '@eterne/runtime';
import type { MetadataDone } from '../../metadata/api.ts';
import { loadRemapTable } from '../../metadata/load-remap-table.ts';
import {
  metadataBytes,
  NIL_UUID,
  openMetadata,
  type MetadataState,
  type VolumeMetadata,
} from '../../metadata/index.ts';
import type { RemapTable } from '../../metadata/remap-table.ts';
import { adopt, disown } from '../../rescue/adopt.ts';
import { openRescue, type OpenedRescue } from '../../rescue/open-rescue.ts';
import type { VolumeConfig } from '../api.ts';
import { layoutName, windowOf } from '../set/members.ts';
import { INTERNAL_METADATA, findMissing, openDevice } from './open-device.ts';
import { InternalDevice } from './internal-device.ts';
import { findInternal, internalOffset } from './internal-place.ts';
import { HEAD_BYTES } from './metadata-head.ts';
import { openChecksums, type Checksums } from './checksums/checksums.ts';
import { RemappingStore } from './remapping-store.ts';

export interface OpenedStores {
  readonly data: RemappingStore;
  readonly metadata: VolumeMetadata;
  /** Where they are kept. */
  readonly checksums: Checksums | undefined;
  /** Where one is configured; an error: why it is not open, and the replica goes on without it. */
  readonly rescue: OpenedRescue | EterneError | undefined;
}

type DataAndMetadata = Omit<OpenedStores, 'rescue'>;
type Done = (result: DataAndMetadata | EterneError) => void;

/** Errors: those of `Stores.open`, `openMetadata` and `openRescue`, and `config` when the device is too small. */
export function openStores(
  world: World,
  config: VolumeConfig,
  done: (result: OpenedStores | EterneError) => void,
): void {
  const open = config.metadataPath === INTERNAL_METADATA ? openInternal : openExternal;
  open(world, config, (stores) => {
    if (stores instanceof EterneError) return done(stores);
    const { data, metadata } = stores;
    openJournal(world, config, metadata, (rescue) => {
      if ('refusal' in rescue) metadata.close(() => data.close(() => done(rescue.refusal)));
      else done({ ...stores, rescue: rescue.opened });
    });
  });
}

type Journal = { readonly opened: OpenedStores['rescue'] } | { readonly refusal: EterneError };

/** The journal has failed, is away or is damaged. Everything else is a mistake in the configuration, and somebody else's data may be at stake. */
const LOST: readonly ErrorCode[] = ['corrupt', 'io', 'not-found', 'timeout', 'unreachable'];

/**
 * The rescue journal, where one is configured. The metadata knows by then whether it has kept everything: before the replica goes on
 * without a journal that is lost, that it does not is durable.
 */
function openJournal(
  world: World,
  { diskTimeoutMs: timeoutMs, name, rescueJournal }: VolumeConfig,
  metadata: VolumeMetadata,
  done: (result: Journal) => void,
): void {
  const without = (opened: EterneError | undefined): void =>
    disown(metadata, (error) => done(error === undefined ? { opened } : { refusal: error }));
  const lost = (error: EterneError): void => {
    world.log(
      'error',
      `volume ${name}: ${error.message}: the volume is open without its rescue journal, and what it kept cannot be gone back to`,
    );
    without(error);
  };
  if (rescueJournal === undefined) return without(undefined);
  openRescue(world, { ...rescueJournal, timeoutMs, mayCreate: true }, metadata.replicaUuid, (rescue) => {
    if (rescue instanceof EterneError)
      return LOST.includes(rescue.code) ? lost(rescue) : done({ refusal: rescue });
    adopt(world, metadata, rescue.log, (error) => {
      if (error === undefined) return done({ opened: rescue });
      const isOfJournal = rescue.log.failure !== undefined;
      rescue.log.close(() => (isOfJournal ? lost(error) : done({ refusal: error })));
    });
  });
}

function openInternal(world: World, config: VolumeConfig, done: Done): void {
  findInternal(world, config, (place) => {
    if (place instanceof EterneError) return done(place);
    openDevice(world, config, place.start + place.sizeBytes, (whole) => {
      if (whole instanceof EterneError) return done(whole);
      const device = new InternalDevice(whole, place.start);
      const { data, metadata: store } = device;
      openMetadataOn(world, config, store, (opened) => {
        if (opened instanceof EterneError) return data.close(() => done(placed(opened, config, place.start)));
        const { sizeBytes } = opened.metadata;
        if (sizeBytes > place.start)
          return opened.metadata.close(() =>
            data.close(() => done(misplaced(config, sizeBytes, place.start))),
          );
        noteOtherSize(world, config, sizeBytes);
        device.settle(metadataBytes(sizeBytes), (error) => {
          if (error !== undefined) noteUnsigned(world, config, error);
          joinStores(config, data, store, opened, done);
        });
      });
    });
  });
}

/** Metadata that is not where the configuration says may be none of it. */
function placed(error: EterneError, { devicePath, sizeBytes }: VolumeConfig, start: number): EterneError {
  if (start === internalOffset(sizeBytes)) return error;
  const message = `${devicePath} has its metadata at byte ${start}: ${error.message}`;
  const erase = `if nothing on the device counts, zero ${HEAD_BYTES} bytes from there`;
  return new EterneError(error.code, message, { hint: [error.hint, erase].filter(Boolean).join('; or, ') });
}

function misplaced({ devicePath, name }: VolumeConfig, sizeBytes: number, start: number): EterneError {
  const message = `${devicePath} has its metadata at byte ${start}, in the middle of the ${sizeBytes} bytes of volume ${name}`;
  return new EterneError('corrupt', message, { hint: 'restore the device from a backup, or replace it' });
}

/** Without a sign the metadata is searched for where the device is enlarged; until then the replica goes on. */
function noteUnsigned(world: World, { devicePath, name }: VolumeConfig, { message }: StoreError): void {
  world.log('warn', `volume ${name}: the end of ${devicePath} cannot say where its metadata is: ${message}`);
}

/** What the loss of the data file means is durable before a new one is created. */
function openExternal(world: World, config: VolumeConfig, done: Done): void {
  const options = { createSizeBytes: metadataBytes(config.sizeBytes), timeoutMs: config.diskTimeoutMs };
  world.stores.open(config.metadataPath, options, (store) => {
    if (store instanceof EterneError) return done(store);
    openMetadataOn(world, config, store, (opened) => {
      if (opened instanceof EterneError) return done(opened);
      const { metadata } = opened;
      const fail = (error: EterneError): void => metadata.close(() => done(error));
      noteOtherSize(world, config, metadata.sizeBytes);
      beginAnewIfLost(world, config, metadata, (problem) => {
        if (problem !== undefined) return fail(problem);
        openDevice(world, config, metadata.sizeBytes, (data) => {
          if (data instanceof EterneError) fail(data);
          else joinStores(config, data, store, opened, done);
        });
      });
    });
  });
}

/** Owns the stores. */
function joinStores(
  config: VolumeConfig,
  data: BlockStore,
  store: BlockStore,
  { metadata, table }: OpenedMetadata,
  done: Done,
): void {
  openChecksums(store, metadata, config.checksums === 'crc32c', (checksums) => {
    if (checksums instanceof EterneError) return metadata.close(() => data.close(() => done(checksums)));
    done({ data: new RemappingStore(checksums?.wrap(data) ?? data, store, table), metadata, checksums });
  });
}

/** All replicas have agreed on the size that the metadata says; the configuration counts when a volume is made. */
function noteOtherSize(world: World, config: VolumeConfig, actualBytes: number): void {
  if (config.sizeBytes === actualBytes) return;
  const { members = [] } = config;
  const last = members.length - 1;
  // Of a mirror set, its last volume has grown.
  const name = members[last]?.name ?? config.name;
  const before = members.length === 0 ? 0 : windowOf(members, last, actualBytes).start;
  const [saysBytes, hasBytes] = [config.sizeBytes - before, actualBytes - before];
  const message = `volume ${name} has ${hasBytes} bytes, its configuration says ${saysBytes}: it has grown since, say so there`;
  world.log('warn', message);
}

interface OpenedMetadata {
  readonly metadata: VolumeMetadata;
  readonly table: RemapTable;
}

/** Owns `store`. */
function openMetadataOn(
  world: World,
  config: VolumeConfig,
  store: BlockStore,
  done: (result: OpenedMetadata | EterneError) => void,
): void {
  const options = {
    store,
    random: world.random,
    volume: config.name,
    node: config.node,
    sizeBytes: config.sizeBytes,
    peers: Object.keys(config.peers),
    ...(config.members === undefined ? {} : { setLayout: layoutName(config.members) }),
  };
  openMetadata(options, (metadata) => {
    if (metadata instanceof EterneError) return done(metadata);
    loadRemapTable(store, metadata.replicaUuid, (table) => {
      if (table instanceof EterneError) metadata.close(() => done(table));
      else done({ metadata, table });
    });
  });
}

function beginAnewIfLost(
  world: World,
  config: VolumeConfig,
  metadata: VolumeMetadata,
  done: MetadataDone,
): void {
  if (metadata.state.justCreated) return done(undefined);
  findMissing(world, config, (missing) => {
    if (missing instanceof EterneError) return done(missing);
    if (missing === undefined) return done(undefined);
    // Only where a new file can be made: a folder that is not there says nothing about the data.
    const options = { createSizeBytes: 0, timeoutMs: config.diskTimeoutMs };
    world.stores.open(missing, options, (empty) => {
      if (empty instanceof EterneError) return done(empty);
      world.log('warn', `volume ${config.name}: ${missing} was missing: this replica begins anew`);
      empty.close(() => metadata.update(begunAnew, done));
    });
  });
}

/** The replica's data is gone. What it knows of terms and peers stays. */
export function begunAnew(state: MetadataState): MetadataState {
  return {
    ...state,
    volumeUuid: NIL_UUID,
    diskState: 'Inconsistent',
    justCreated: true,
    crashedPrimary: false,
    undoneSync: NIL_UUID,
    set: { version: 0, members: [] },
    generations: { current: NIL_UUID, bitmaps: {}, history: [] },
  };
}
