/**
 * The frames around a copy that give the contents their names (`metadata/generations.ts` says why in this order):
 *
 * - RESYNC_BEGIN, source → target: `kind u8 · by digest u8 · name text`. The source's bits are durable; the target is called `name` while it is being copied to.
 * - RESYNC_READY, target → source: empty. It is, durably, and Inconsistent.
 * - RESYNC_NAMES, source → target, after RESYNC_DONE: `volume uuid text · current text · list of (peer text, generation text) ·
 *   list of history text`. What the target's content is called now.
 * - RESYNC_FINISHED, target → source: empty. It is, durably.
 */
import { HISTORY_LENGTH, MAX_PEERS, type Generations, type Uuid } from '../../metadata/api.ts';
import { FieldReader, FieldWriter } from '../fields.ts';
import { readName, readUuid } from './common.ts';

export const RESYNC_KINDS = ['bitmap', 'full', 'smart', 'checksum'] as const;

export interface ResyncBegin {
  /** `bitmap`: what is marked; the others: everything, `smart` but for what no file system uses, `checksum` to a copy that probably has most of it. */
  readonly kind: (typeof RESYNC_KINDS)[number];
  /** The target asks with digests of what it has. */
  readonly byDigest: boolean;
  readonly name: Uuid;
}

export interface ResyncNames {
  readonly volumeUuid: Uuid;
  readonly generations: Generations;
}

export function encodeResyncBegin(begin: ResyncBegin): Buffer {
  return new FieldWriter()
    .byte(RESYNC_KINDS.indexOf(begin.kind))
    .byte(Number(begin.byDigest))
    .text(begin.name)
    .finish();
}

export function decodeResyncBegin(body: Buffer): ResyncBegin {
  const from = new FieldReader(body);
  const begin = { kind: from.choice(RESYNC_KINDS), byDigest: from.flag(), name: readUuid(from) };
  from.finish();
  return begin;
}

export function encodeResyncNames(names: ResyncNames): Buffer {
  const into = new FieldWriter().text(names.volumeUuid);
  writeGenerations(into, names.generations);
  return into.finish();
}

export function decodeResyncNames(body: Buffer): ResyncNames {
  const from = new FieldReader(body);
  const names = { volumeUuid: readUuid(from), generations: readGenerations(from) };
  from.finish();
  return names;
}

export function writeGenerations(into: FieldWriter, generations: Generations): void {
  into.text(generations.current);
  into.list(Object.entries(generations.bitmaps), ([peer, uuid]) => into.text(peer).text(uuid));
  into.list(generations.history, (uuid) => into.text(uuid));
}

export function readGenerations(from: FieldReader): Generations {
  return {
    current: readUuid(from),
    bitmaps: Object.fromEntries(from.list(MAX_PEERS, () => [readName(from), readUuid(from)])),
    history: from.list(HISTORY_LENGTH, () => readUuid(from)),
  };
}
