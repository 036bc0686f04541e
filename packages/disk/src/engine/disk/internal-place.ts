/**
 * Where a device that holds its own metadata has it.
 *
 * - When the volume is made: at the first MiB boundary behind it, which follows from its size in the configuration.
 * - When the volume grows over it, it moves (`move-metadata.ts`), and the size in the configuration may be an older one. The *sign* at the
 *   device's end (`internal-sign.ts`) says where it is.
 * - A device that was enlarged, and not opened since, has no sign at its end. Then metadata is searched for, from where the configuration says. So that few
 *   places need be looked at, what has moved lies on a *grid*: 512 places in each doubling of the offset. Of copies that a move cut short has left the
 *   newest counts: a copy gets a head only when it is whole, and whoever uses the device goes on in one of them.
 *
 * Nothing is written here.
 */
import { EterneError } from '@eterne/base';
import type { BlockStore, World } from '@eterne/runtime';
import { metadataBytes } from '../../metadata/index.ts';
import { MARKER_OFFSET, PAGE_BYTES } from '../../metadata/layout.ts';
import { decodeMarker } from '../../metadata/marker.ts';
import { decodeSuperblock, type Superblock } from '../../metadata/superblock.ts';
import type { VolumeConfig } from '../api.ts';
import { readSign } from './internal-sign.ts';
import { HEAD_BYTES } from './metadata-head.ts';
import type { Region } from './region-store.ts';

const ALIGNMENT_BYTES = 1024 * 1024;
const PLACES_PER_DOUBLING = 512;

type PlacedVolume = Pick<VolumeConfig, 'name' | 'node' | 'devicePath' | 'diskTimeoutMs' | 'sizeBytes'>;

interface Head {
  readonly start: number;
  /** Undefined: metadata that is damaged, half created, or newer than this program. */
  readonly superblock: Superblock | undefined;
}

/** Of a volume that is made with this size. */
export function internalOffset(sizeBytes: number): number {
  return Math.ceil(sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** The first place of the grid at or behind `fromBytes`. */
export function placeBehind(fromBytes: number): number {
  const doublingBytes = 2 ** Math.floor(Math.log2(Math.max(fromBytes, ALIGNMENT_BYTES)));
  const stepBytes = Math.max(ALIGNMENT_BYTES, doublingBytes / PLACES_PER_DOUBLING);
  return Math.ceil(fromBytes / stepBytes) * stepBytes;
}

/**
 * The metadata on the device of `config`, or the place for it where there is none. Errors: those of `Stores.open` but `not-found`; `corrupt`, `conflict`
 * and `io` where the place cannot be told for certain.
 */
export function findInternal(
  world: Pick<World, 'stores'>,
  config: PlacedVolume,
  done: (result: Region | EterneError) => void,
): void {
  const { devicePath, diskTimeoutMs, sizeBytes } = config;
  const expected = { start: internalOffset(sizeBytes), sizeBytes: metadataBytes(sizeBytes) };
  world.stores.open(devicePath, { timeoutMs: diskTimeoutMs, readOnly: true }, (device) => {
    if (device instanceof EterneError) return done(device.code === 'not-found' ? expected : device);
    findHead(device, config, expected.start, (head) =>
      device.close(() => {
        if (head === undefined || head instanceof EterneError) done(head ?? expected);
        else done(regionOf(device, config, head));
      }),
    );
  });
}

type Found = (head: Head | EterneError | undefined) => void;

function findHead(device: BlockStore, config: PlacedVolume, expectedStart: number, done: Found): void {
  readSign(device, (start) => {
    if (start === undefined) return search(device, config, expectedStart, done);
    // A sign whose place holds none is an old one: somebody has erased the metadata to begin anew.
    readHead(device, start, done);
  });
}

function search(device: BlockStore, config: PlacedVolume, expectedStart: number, done: Found): void {
  const heads: Head[] = [];
  let unreadable: EterneError | undefined;
  const next = (start: number): void => {
    if (start + HEAD_BYTES > device.sizeBytes)
      return done(choose(config, expectedStart, heads) ?? unreadable);
    readHead(device, start, (head) => {
      if (head instanceof EterneError) unreadable ??= head;
      else if (head !== undefined) heads.push(head);
      next(placeBehind(start + 1));
    });
  };
  next(expectedStart);
}

/** Behind where the configuration says may lie the volume's data, and in it whatever it pleases. */
function choose(
  { devicePath, name, node }: PlacedVolume,
  expectedStart: number,
  heads: readonly Head[],
): Head | EterneError | undefined {
  const expected = heads.find(({ start }) => start === expectedStart);
  const candidates = heads.filter(
    ({ superblock }) => superblock === undefined || (superblock.volume === name && superblock.node === node),
  );
  const first = expected ?? candidates[0];
  const isOfFirst = ({ superblock }: Head): boolean =>
    superblock?.replicaUuid === first?.superblock?.replicaUuid;
  const other = candidates.find((head) => !isOfFirst(head));
  if (expected === undefined && first !== undefined && other !== undefined)
    return new EterneError(
      'conflict',
      `${devicePath} has metadata of two replicas of volume ${name}, at bytes ${first.start} and ${other.start}`,
      { hint: `zero ${HEAD_BYTES} bytes where the one is that does not count` },
    );
  const own = candidates.filter(isOfFirst);
  const sequenceOf = (head: Head | undefined): number => head?.superblock?.sequence ?? 0;
  return own.reduce((best, head) => (sequenceOf(head) > sequenceOf(best) ? head : best), first);
}

function readHead(device: BlockStore, start: number, done: Found): void {
  if (start + HEAD_BYTES > device.sizeBytes) return done(undefined);
  const head = Buffer.alloc(HEAD_BYTES);
  device.read(start, head, (error) => {
    if (error === undefined) done(decodeHead(start, head));
    else
      done(
        new EterneError('io', `whether there is metadata at byte ${start} cannot be read: ${error.message}`),
      );
  });
}

function decodeHead(start: number, head: Buffer): Head | undefined {
  const slots = [head.subarray(0, PAGE_BYTES), head.subarray(PAGE_BYTES, 2 * PAGE_BYTES)].map(
    decodeSuperblock,
  );
  const valid = slots.flatMap((slot) => (slot.kind === 'valid' ? [slot.superblock] : []));
  const [superblock] = valid.sort((a, b) => b.sequence - a.sequence);
  const isOurs = slots.some(({ kind }) => kind !== 'empty' && kind !== 'foreign');
  if (!isOurs && decodeMarker(head.subarray(MARKER_OFFSET)) === undefined) return undefined;
  return { start, superblock };
}

/** A file that was cut short would be made longer by opening it, and what was cut off would read as clean. */
function regionOf(
  device: BlockStore,
  { devicePath, name }: PlacedVolume,
  { start, superblock }: Head,
): Region | EterneError {
  const sizeBytes = superblock === undefined ? HEAD_BYTES : metadataBytes(superblock.sizeBytes);
  if (device.sizeBytes >= start + sizeBytes) return { start, sizeBytes };
  const message = `${devicePath} has been cut short: the metadata of volume ${name} at byte ${start} needs ${sizeBytes} bytes`;
  const hint = `make it ${start + sizeBytes} bytes long again from a backup; or zero ${HEAD_BYTES} bytes from there, and everything is copied from a peer`;
  return new EterneError('corrupt', message, { hint });
}
