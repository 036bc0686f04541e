/**
 * Opens a replica's rescue journal, or creates it where the store's first pages read as zeroes.
 *
 * Duties
 * 1. Nothing is written before both header slots have been judged.
 * 2. The end of the log is found by walking the records from the oldest point; those of the last batch are believed only with their data.
 * 3. The new epoch is durable in both slots before anything is appended, so that losing one slot later loses nothing.
 */
import { EterneError } from '@eterne/base';
import type { BlockStore, Random } from '@eterne/runtime';
import { NIL_UUID, type Uuid } from '../metadata/api.ts';
import {
  AREA_OFFSET,
  HEADER_SLOTS,
  PAGE_BYTES,
  decodeHeader,
  type Header,
  type HeaderContent,
} from './header.ts';
import { RescueLog, headerWrite, physical, writeAndFlush } from './log.ts';
import { findEnd } from './walk.ts';

export interface OpenRescueOptions {
  /** Opened exclusively by the caller; owned from now on. */
  readonly store: BlockStore;
  readonly replicaUuid: Uuid;
  readonly random: Pick<Random, 'uuid'>;
}

/** Enough for the largest batch several times over. */
export const MIN_AREA_BYTES = 16 * 1024 * 1024;

type Opened = (result: RescueLog | EterneError) => void;

/** Errors: `conflict` (another replica's), `corrupt`, `unsupported`, `refused` (not blank and not ours), `no-space`, `io`. */
export function openRescueLog({ random, store, replicaUuid }: OpenRescueOptions, done: Opened): void {
  const fail = (error: EterneError): void => store.close(() => done(error));
  const areaBytes = Math.floor((store.sizeBytes - AREA_OFFSET) / PAGE_BYTES) * PAGE_BYTES;
  if (areaBytes < MIN_AREA_BYTES)
    return fail(new EterneError('no-space', `a rescue journal needs ${MIN_AREA_BYTES + AREA_OFFSET} bytes`));
  const head = Buffer.alloc(AREA_OFFSET);
  store.read(0, head, (error) => {
    if (error !== undefined) return fail(ioError(error.message));
    const slots = [head.subarray(0, PAGE_BYTES), head.subarray(PAGE_BYTES)].map(decodeHeader);
    const found = judge(slots, replicaUuid, areaBytes);
    if (found instanceof EterneError) return fail(found);
    const named = found.journalUuid === NIL_UUID ? { ...found, journalUuid: random.uuid() } : found;
    // Grown or shrunk meanwhile: a log without points can take any size.
    const header = named.points.length === 0 ? { ...named, areaBytes } : named;
    if (header.areaBytes > areaBytes)
      return fail(new EterneError('no-space', 'the rescue journal’s store has become too small'));
    const read = (position: number, into: Buffer, then: Parameters<BlockStore['read']>[2]): void =>
      store.read(physical(position, header.areaBytes), into, then);
    findEnd(read, header, (end) => {
      if (end instanceof EterneError) return fail(end);
      begin(store, header, end, (result) => (result instanceof EterneError ? fail(result) : done(result)));
    });
  });
}

function judge(
  slots: readonly HeaderContent[],
  replicaUuid: string,
  areaBytes: number,
): Header | EterneError {
  const newer = slots.find((slot) => slot.kind === 'unsupported');
  if (newer !== undefined)
    return new EterneError('unsupported', 'the rescue journal was written by a newer version');
  const headers = slots.flatMap((slot) => (slot.kind === 'valid' ? [slot.header] : []));
  const newest = headers.sort((a, b) => b.sequence - a.sequence)[0];
  if (newest !== undefined && newest.replicaUuid !== replicaUuid)
    return new EterneError('conflict', 'the rescue journal belongs to another replica', {
      hint: 'give every volume a journal of its own; remove one that is not needed any more',
    });
  if (newest !== undefined) return newest;
  if (slots.some((slot) => slot.kind === 'foreign'))
    return new EterneError('refused', 'the rescue journal’s store holds something else');
  // Never written, or cut short while the very first header was: the second slot is written only after the first is durable.
  if (slots.filter((slot) => slot.kind === 'empty').length < HEADER_SLOTS - 1)
    return new EterneError('corrupt', 'both headers of the rescue journal are damaged');
  const nothing = { sequence: 0, journalUuid: NIL_UUID, resumeAt: 0, nextPointId: 1, epoch: 0, points: [] };
  return { ...nothing, areaBytes, replicaUuid };
}

interface End {
  readonly tail: number;
  readonly batch: number;
}

/** Duty 3. What was found is durable first: a killed user may have left the newer header in a cache only, and the older one is overwritten now. */
function begin(store: BlockStore, found: Header, end: End, done: Opened): void {
  store.flush((error) => {
    if (error !== undefined) done(ioError(error.message));
    else writeHeaders(store, found, end, done);
  });
}

function writeHeaders(store: BlockStore, found: Header, { tail, batch }: End, done: Opened): void {
  const epoch = (found.epoch + 1) >>> 0;
  const first = { ...found, epoch, sequence: found.sequence + 1, resumeAt: tail };
  const second = { ...first, sequence: first.sequence + 1 };
  writeAndFlush(store, [headerWrite(first)], (error) => {
    if (error !== undefined) return done(ioError(error.message));
    writeAndFlush(store, [headerWrite(second)], (echoError) => {
      if (echoError !== undefined) done(ioError(echoError.message));
      else done(new RescueLog(store, second, tail, batch));
    });
  });
}

function ioError(message: string): EterneError {
  return new EterneError('io', `rescue journal: ${message}`);
}
