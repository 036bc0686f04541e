/**
 * What every heartbeat datagram is wrapped in. Little-endian; at most 1024 bytes; see docs/internals/heartbeat.md.
 *
 *     0   4  magic "ETHB"
 *     4   1  version: 2 where the sender says its life, else 1
 *     5   1  kind: 1 beat, 2 lease request, 3 lease grant
 *     6   1  number of the path it travels on
 *     7   1  the sender's profile, whose rhythm it keeps: 0 lan, 1 wan
 *     8  16  session: random for every start of the sender's heart
 *    24   8  sequence: 1, 2, 3 … per session and receiver, over all kinds and paths
 *    32   8  sent at, µs of the sender's boot clock
 *    40   1  length of the sender's name, 1–63
 *    41   …  sender's name, UTF-8
 *     …   1  length of the receiver's name, 1–63
 *     …   …  receiver's name, UTF-8
 *     …   1  version 2: length of the sender's life, 1–63
 *     …   …  version 2: the sender's life, UTF-8: which member of its name it is
 *     …   …  body of the kind
 *  last  16  HMAC-SHA-256 under the cluster key over everything before, first 16 bytes
 *
 * Version 1: the first. Version 2, from feature level 5 on: lives. Byte 7 was zero before there were profiles; a program of then drops what has another.
 */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { assert } from '@eterne/base';
import type { Profile } from '../../state/model.ts';

export const DATAGRAM_BYTES_MAX = 1024;
export const SESSION_BYTES = 16;
const MAGIC = 0x42_48_54_45; // "ETHB" read as a little-endian number
const [VERSION, LIVES_VERSION] = [1, 2];
export const MAC_BYTES = 16;
const FIXED_BYTES = 40;
const NAME_BYTES_MAX = 63;
const SMALLEST_BYTES = FIXED_BYTES + 2 + 2 + MAC_BYTES;

export const KIND_BEAT = 1;
export const KIND_LEASE_REQUEST = 2;
export const KIND_LEASE_GRANT = 3;
export type Kind = typeof KIND_BEAT | typeof KIND_LEASE_REQUEST | typeof KIND_LEASE_GRANT;

/** Position = number on the wire. */
const RHYTHMS: readonly Profile[] = ['lan', 'wan'];

export interface Envelope {
  readonly kind: Kind;
  readonly path: number;
  readonly profile: Profile;
  /** 32 hexadecimal digits. */
  readonly session: string;
  readonly sequence: number;
  /** Sender's boot clock. Whole microseconds. */
  readonly sentAtUs: number;
  readonly from: string;
  readonly to: string;
  /** Which member of its name the sender is; null: it does not say. */
  readonly life: string | null;
  readonly body: Buffer;
}

/** Why a datagram was dropped; counted by the heart. */
export type Refusal = 'malformed' | 'forged' | 'version' | 'foreign';

/** How many bytes a body may have between these two nodes. */
export function bodyBytesMax({ from, to, life }: Pick<Envelope, 'from' | 'to' | 'life'>): number {
  return DATAGRAM_BYTES_MAX - FIXED_BYTES - whose(from, to, life).length - MAC_BYTES;
}

/** Each with its length before it. */
function whose(from: string, to: string, life: string | null): Buffer {
  const texts = [from, to, ...(life === null ? [] : [life])].map((text) => Buffer.from(text));
  assert(
    texts.every(({ length }) => length > 0 && length <= NAME_BYTES_MAX),
    'node names and lives fit an envelope',
  );
  return Buffer.concat(texts.flatMap((text) => [Buffer.of(text.length), text]));
}

export function seal(key: KeyObject, envelope: Envelope): Buffer {
  const { from, to, life } = envelope;
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt32LE(MAGIC, 0);
  fixed.writeUInt8(life === null ? VERSION : LIVES_VERSION, 4);
  fixed.writeUInt8(envelope.kind, 5);
  fixed.writeUInt8(envelope.path, 6);
  fixed.writeUInt8(RHYTHMS.indexOf(envelope.profile), 7);
  fixed.write(envelope.session, 8, 'hex');
  fixed.writeBigUInt64LE(BigInt(envelope.sequence), 24);
  fixed.writeBigUInt64LE(BigInt(envelope.sentAtUs), 32);
  const signed = [fixed, whose(from, to, life), envelope.body];
  const datagram = Buffer.concat([...signed, Buffer.alloc(MAC_BYTES)]);
  assert(datagram.length <= DATAGRAM_BYTES_MAX, 'a datagram fits its bound');
  const end = datagram.length - MAC_BYTES;
  mac(key, datagram.subarray(0, end)).copy(datagram, end);
  return datagram;
}

/** Opens a datagram that claims to be for `me`. Nothing of it is believed before its MAC is right. The body is a view of `datagram`. */
export function open(key: KeyObject, me: string, datagram: Buffer): Envelope | Refusal {
  if (datagram.length < SMALLEST_BYTES || datagram.length > DATAGRAM_BYTES_MAX) return 'malformed';
  if (datagram.readUInt32LE(0) !== MAGIC) return 'malformed';
  const end = datagram.length - MAC_BYTES;
  const signed = datagram.subarray(0, end);
  if (!timingSafeEqual(mac(key, signed), datagram.subarray(end))) return 'forged';
  const version = datagram.readUInt8(4);
  if (version !== VERSION && version !== LIVES_VERSION) return 'version';
  const kind = datagram.readUInt8(5);
  if (kind !== KIND_BEAT && kind !== KIND_LEASE_REQUEST && kind !== KIND_LEASE_GRANT) return 'malformed';
  const profile = RHYTHMS[datagram.readUInt8(7)];
  if (profile === undefined) return 'malformed';
  const from = nameAt(signed, FIXED_BYTES);
  const to = from && nameAt(signed, from.end);
  if (!from || !to) return 'malformed';
  if (to.name !== me) return 'foreign';
  const life = version === LIVES_VERSION ? nameAt(signed, to.end) : { name: null, end: to.end };
  if (!life) return 'malformed';
  const sequence = Number(datagram.readBigUInt64LE(24));
  const sentAtUs = Number(datagram.readBigUInt64LE(32));
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(sentAtUs)) return 'malformed';
  return {
    kind,
    path: datagram.readUInt8(6),
    profile,
    session: datagram.toString('hex', 8, 8 + SESSION_BYTES),
    sequence,
    sentAtUs,
    from: from.name,
    to: to.name,
    life: life.name,
    body: signed.subarray(life.end),
  };
}

function mac(key: KeyObject, bytes: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes).digest().subarray(0, MAC_BYTES);
}

/** A name with its length before it; undefined where there is none. */
export function nameAt(
  bytes: Buffer,
  offset: number,
): { readonly name: string; readonly end: number } | undefined {
  const length = offset < bytes.length ? bytes.readUInt8(offset) : 0;
  const end = offset + 1 + length;
  if (length === 0 || length > NAME_BYTES_MAX || end > bytes.length) return undefined;
  return { name: bytes.toString('utf8', offset + 1, end), end };
}
