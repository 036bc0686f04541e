/**
 * Opens a replica's metadata, or creates it where the store reads as zeroes.
 *
 * Duties
 * 1. Nothing is written before the slots, the marker and (for a creation) the region have been judged.
 * 2. What is found is made durable before anything is written over: the last user may have been killed between a write and its flush, and
 *    then the newer superblock, or remap table, is in a cache only and the older one is all that is on the disk.
 * 3. Creation: marker `creating` durable → superblock durable in both slots → marker `created` durable. Cut short anywhere, the next
 *    open starts again or goes on.
 * 4. After an unclean end: bits of every hot extent durable, for every peer → new incarnation and log epoch durable → open. Cut
 *    short anywhere, the next open finds the old log still valid and repeats it; setting bits twice is harmless.
 * 5. Who was primary when the last user ended is `crashedPrimary` from the same write that begins the new incarnation.
 * 6. On any error the store is closed.
 */
import type { ExtentNumber } from '@eterne/base';
import { EterneError } from '@eterne/base';
import type { BlockStore, StoreDone } from '@eterne/runtime';
import type { MetadataDone, MetadataState, OpenMetadataOptions, Recovery, VolumeMetadata } from './api.ts';
import { EXTENT_BYTES, MAX_PEERS, NIL_UUID } from './api.ts';
import { decodeBitmapPage, pageSeed } from './bitmap-page.ts';
import { foreignData, judge } from './identity.ts';
import type { Layout } from './layout.ts';
import {
  bitmapPageOffset,
  DEFAULT_LOG_SLOTS,
  GROUP_BYTES,
  GROUPS_OFFSET,
  layoutOf,
  LOG_OFFSET,
  LOG_RING_PAGES,
  MARKER_OFFSET,
  MAX_LOG_SLOTS,
  MAX_VOLUME_BYTES,
  PAGE_BYTES,
  UNDEFINED_SLOT,
  PAGES_PER_GROUP,
} from './layout.ts';
import { recoverHotExtents } from './log-recovery.ts';
import type { CreationStage } from './marker.ts';
import { decodeMarker, encodeMarker } from './marker.ts';
import { scanAll, type Stretch } from './scan.ts';
import type { Superblock } from './superblock.ts';
import { decodeSuperblock, encodeSuperblock, fitsNameField } from './superblock.ts';
import { VolumeMetadataDriver } from './volume-metadata.ts';
import { isZero } from './zero.ts';

type Opened = (result: VolumeMetadata | EterneError) => void;

/**
 * Errors: `corrupt` (both slots bad; nothing touched), `conflict` (another volume or node, or a size that it never had), `unsupported` (unknown format
 * version), `refused` (not blank and not ours), `no-space` (store too small), `config` (names or sizes out of bounds), `io`.
 */
export function openMetadata(options: OpenMetadataOptions, done: Opened): void {
  const { store } = options;
  const fail = (error: EterneError): void => store.close(() => done(error));
  const problem = problemWith(options);
  if (problem !== undefined) {
    fail(problem);
    return;
  }
  const head = Buffer.alloc(MARKER_OFFSET + PAGE_BYTES);
  if (store.sizeBytes < head.length) {
    fail(tooShort(options, layoutOf(options.sizeBytes)));
    return;
  }
  store.read(0, head, (error) => {
    if (error !== undefined) fail(ioError(options, error.message));
    else openJudged(options, head, (result) => (isError(result) ? fail(result) : done(result)));
  });
}

function tooShort({ store }: OpenMetadataOptions, { totalBytes }: Layout): EterneError {
  const message = `the metadata needs ${totalBytes} bytes, its store has ${store.sizeBytes}`;
  return new EterneError('no-space', message, { hint: 'enlarge the metadata file or device' });
}

function openJudged(options: OpenMetadataOptions, head: Buffer, done: Opened): void {
  const slots = [head.subarray(0, PAGE_BYTES), head.subarray(PAGE_BYTES, 2 * PAGE_BYTES)];
  const marker = decodeMarker(head.subarray(MARKER_OFFSET));
  const finding = judge(slots.map(decodeSuperblock), marker, {
    setLayout: NIL_UUID,
    ...options,
  });
  if (isError(finding)) {
    done(finding);
    return;
  }
  // What was created has its own size.
  const layout = layoutOf(finding.kind === 'ours' ? finding.superblock.sizeBytes : options.sizeBytes);
  if (options.store.sizeBytes < layout.totalBytes) return done(tooShort(options, layout));
  switch (finding.kind) {
    case 'ours':
      openExisting(options, layout, finding.superblock, marker, done);
      return;
    case 'half-created':
      create(options, layout, done);
      return;
    case 'blank':
      expectZeroes(options, layout, (error) => {
        if (error === undefined) create(options, layout, done);
        else done(error);
      });
      return;
  }
}

function create(options: OpenMetadataOptions, layout: Layout, done: Opened): void {
  const superblock: Superblock = {
    sequence: 1,
    volume: options.volume,
    node: options.node,
    sizeBytes: options.sizeBytes,
    createdBytes: 0,
    replicaUuid: options.random.uuid(),
    setLayout: options.setLayout ?? NIL_UUID,
    clean: true,
    logEpoch: 0,
    logSlots: options.activityLogSlots ?? DEFAULT_LOG_SLOTS,
    slots: [],
    state: freshState(),
  };
  const steps: readonly Step[] = [
    { offset: MARKER_OFFSET, bytes: encodeMarker('creating') },
    { offset: PAGE_BYTES, bytes: encodeSuperblock(superblock) },
    { offset: 0, bytes: encodeSuperblock({ ...superblock, sequence: 2 }) },
    { offset: MARKER_OFFSET, bytes: encodeMarker('created') },
  ];
  writeSteps(options, steps, (error) => {
    if (error !== undefined) done(error);
    else begin(options, layout, { ...superblock, sequence: 2 }, true, done);
  });
}

function openExisting(
  options: OpenMetadataOptions,
  layout: Layout,
  superblock: Superblock,
  marker: CreationStage | undefined,
  done: Opened,
): void {
  // The marker of a creation cut short after its superblocks, or a damaged one: without it, losing both superblocks would look like blank.
  const repairs = marker === 'created' ? [] : [{ offset: MARKER_OFFSET, bytes: encodeMarker('created') }];
  options.store.flush((flushError) => {
    if (flushError !== undefined) return done(ioError(options, flushError.message));
    writeSteps(options, repairs, (error) => {
      if (error !== undefined) done(error);
      else begin(options, layout, superblock, false, done);
    });
  });
}

/** Reads bitmaps and log, makes the bits of hot extents durable, and begins the new incarnation. */
function begin(
  options: OpenMetadataOptions,
  layout: Layout,
  superblock: Superblock,
  created: boolean,
  done: Opened,
): void {
  const metadata = new VolumeMetadataDriver(options.store, superblock);
  const finish: MetadataDone = (error) => done(error ?? metadata);
  loadBitmaps(options, layout, metadata, (loadError) => {
    if (loadError !== undefined) {
      finish(loadError);
      return;
    }
    readHotExtents(options, layout, superblock, (hotExtents) => {
      if (isError(hotExtents)) {
        finish(hotExtents);
        return;
      }
      metadata.recovery = { created, unclean: !superblock.clean, hotExtents };
      markHot(metadata, hotExtents);
      metadata.persistBitmaps((error) => {
        if (error === undefined) metadata.beginIncarnation(options, finish);
        else finish(error);
      });
    });
  });
}

function loadBitmaps(
  options: OpenMetadataOptions,
  layout: Layout,
  metadata: VolumeMetadataDriver,
  done: MetadataDone,
): void {
  const bitmaps = metadata.peers.map((peer, slot) => ({ slot, bitmap: metadata.bitmapDriver(peer) }));
  const maps = [...bitmaps, { slot: UNDEFINED_SLOT, bitmap: metadata.undefinedBlocks }];
  const load = (index: number): void => {
    const map = maps[index];
    if (map === undefined) return done(undefined);
    const { bitmap, slot } = map;
    let page = 0;
    const visit = (bytes: Buffer): boolean => {
      for (let at = 0; at < bytes.length; at += PAGE_BYTES, page += 1) {
        const seed = pageSeed(metadata.replicaUuid, slot, page);
        const words = decodeBitmapPage(bytes.subarray(at, at + PAGE_BYTES), seed);
        if (words !== undefined) bitmap.load(page, words);
      }
      return true;
    };
    scanAll(options.store, bitmapStretches(layout, slot), visit, (error) => {
      if (error === undefined) load(index + 1);
      else done(ioError(options, error.message));
    });
  };
  load(0);
}

/** Where the pages of the bitmap in `slot` are, in order. */
function bitmapStretches(layout: Layout, slot: number): readonly Stretch[] {
  return Array.from({ length: layout.groupCount }, (_, group) => {
    const first = group * PAGES_PER_GROUP;
    const count = Math.min(PAGES_PER_GROUP, layout.pagesPerBitmap - first);
    return { offset: bitmapPageOffset(layout, slot, first), lengthBytes: count * PAGE_BYTES };
  });
}

function readHotExtents(
  options: OpenMetadataOptions,
  layout: Layout,
  superblock: Superblock,
  done: (result: Recovery['hotExtents'] | EterneError) => void,
): void {
  if (superblock.clean) {
    done([]);
    return;
  }
  const ring = Buffer.allocUnsafe(LOG_RING_PAGES * PAGE_BYTES);
  options.store.read(LOG_OFFSET, ring, (error) => {
    if (error !== undefined) {
      done(ioError(options, error.message));
      return;
    }
    const { replicaUuid, logEpoch: epoch, logSlots: slotCount } = superblock;
    done(recoverHotExtents(ring, { replicaUuid, epoch, slotCount, extentCount: layout.extentCount }));
  });
}

function markHot(metadata: VolumeMetadata, hotExtents: Recovery['hotExtents']): void {
  for (const peer of metadata.peers) {
    const bitmap = metadata.bitmap(peer);
    if (hotExtents === 'all') bitmap.markAll();
    else
      for (const extent of hotExtents) markExtent(bitmap.markDirty.bind(bitmap), extent, metadata.sizeBytes);
  }
}

function markExtent(
  mark: (offset: number, lengthBytes: number) => number,
  extent: ExtentNumber,
  sizeBytes: number,
): void {
  const offset = extent * EXTENT_BYTES;
  mark(offset, Math.min(EXTENT_BYTES, sizeBytes - offset));
}

/** Everything that will be written for the peers known now, and both ends of whatever may be written later. */
function placesToBeBlank(layout: Layout, peerCount: number): readonly Stretch[] {
  const lastGroup = layout.totalBytes - GROUP_BYTES;
  const ofPeers = Array.from({ length: peerCount }, (_, slot) => bitmapStretches(layout, slot));
  return [
    { offset: 0, lengthBytes: GROUPS_OFFSET + GROUP_BYTES },
    { offset: lastGroup, lengthBytes: GROUP_BYTES },
    ...ofPeers.flat(),
  ];
}

function expectZeroes(options: OpenMetadataOptions, layout: Layout, done: MetadataDone): void {
  let blank = true;
  const visit = (bytes: Buffer): boolean => {
    blank = isZero(bytes);
    return blank;
  };
  scanAll(options.store, placesToBeBlank(layout, options.peers.length), visit, (error) => {
    if (error !== undefined) done(ioError(options, error.message));
    else done(blank ? undefined : foreignData());
  });
}

interface Step {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Each step is durable before the next is begun. */
function writeSteps(options: OpenMetadataOptions, steps: readonly Step[], done: MetadataDone): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    done(undefined);
    return;
  }
  writeDurably(options.store, step, (error) => {
    if (error === undefined) writeSteps(options, rest, done);
    else done(ioError(options, error.message));
  });
}

function writeDurably(store: BlockStore, { offset, bytes }: Step, done: StoreDone): void {
  store.write(offset, bytes, (error) => {
    if (error === undefined) store.flush(done);
    else done(error);
  });
}

function freshState(): MetadataState {
  return {
    volumeUuid: NIL_UUID,
    diskState: 'Inconsistent',
    justCreated: true,
    role: 'secondary',
    crashedPrimary: false,
    promotedAtWallMs: 0,
    undoneSync: NIL_UUID,
    rescueJournal: NIL_UUID,
    unconfirmedBytes: 0,
    term: { number: 0, grantor: '' },
    set: { version: 0, members: [] },
    incarnation: 0,
    formerIncarnations: [],
    generations: { current: NIL_UUID, bitmaps: {}, history: [] },
    peerIncarnations: {},
  };
}

function problemWith(options: OpenMetadataOptions): EterneError | undefined {
  const { sizeBytes, activityLogSlots = DEFAULT_LOG_SLOTS } = options;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes > MAX_VOLUME_BYTES)
    return new EterneError('config', `a volume of ${sizeBytes} bytes is not possible`);
  if (!Number.isSafeInteger(activityLogSlots) || activityLogSlots < 1 || activityLogSlots > MAX_LOG_SLOTS)
    return new EterneError('config', `an activity log of ${activityLogSlots} extents is not possible`);
  if (options.peers.length > MAX_PEERS)
    return new EterneError('config', `${options.peers.length} peers are more than ${MAX_PEERS}`);
  const misfit = [options.volume, options.node, ...options.peers].find(
    (name) => name === '' || !fitsNameField(name),
  );
  if (misfit !== undefined) return new EterneError('config', `the name ${misfit} is empty or over 63 bytes`);
  return undefined;
}

function ioError({ volume, node }: OpenMetadataOptions, message: string): EterneError {
  return new EterneError('io', `metadata of volume ${volume} on ${node}: ${message}`);
}

function isError(value: unknown): value is EterneError {
  return value instanceof EterneError;
}
