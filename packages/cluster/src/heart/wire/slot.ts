/**
 * SLOT: what one node writes about itself into its sector of a heartbeat disk. A beat for everybody at once. Little-endian, 4096 bytes:
 *
 *     0    8  magic "ETERNHBS"
 *     8    4  version: 1
 *    12    4  CRC-32C of everything after it: tells a torn or damaged sector from a forged one
 *    16   16  disk id, as in the header (`board.ts`): a copy on another disk is nobody's slot
 *    32   16  session: random for every start of the writer's heart
 *    48    8  sequence: 1, 2, 3 … per session
 *    56    8  sent at, µs of the writer's boot clock
 *    64  1+n  writer's name, length first, 1–63 bytes of UTF-8
 *     …    1  number of echoes, then per echo:
 *        16  session of another node's slot as last read
 *         8  its sent-at
 *         4  µs between that reading and this writing; at most 2³²−1
 *     …  1+n  the writer's life, length first, at most 63 bytes of UTF-8: which member of its name it is; length 0: it does not say
 *     …       zeroes
 *  4079    1  the writer's profile, whose rhythm it keeps: 1 lan, 2 wan; 0: it does not say
 *  4080   16  HMAC-SHA-256 under the cluster key over bytes 0–11 and 16–4079, first 16 bytes
 *
 * Version 1: the first. Byte 4079 was zero below feature level 4; a program of then takes what has another for malformed.
 * Likewise what is behind the echoes below feature level 5.
 */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { assert, crc32c } from '@eterne/base';
import { SHARED_SECTOR_BYTES } from '@eterne/runtime';
import type { Profile } from '../../state/model.ts';
import { HOLD_US_MAX, type BeatEcho } from './beat.ts';
import { MAC_BYTES, nameAt, SESSION_BYTES } from './envelope.ts';

const MAGIC = Buffer.from('ETERNHBS');
const VERSION = 1;
const CHECKED_FROM = 16;
const NAME_FROM = 64;
const ECHO_BYTES = SESSION_BYTES + 12;
const MAC_FROM = SHARED_SECTOR_BYTES - MAC_BYTES;
const PROFILE_AT = MAC_FROM - 1;
/** Position = number on the disk. */
const RHYTHMS: readonly (Profile | null)[] = [null, 'lan', 'wan'];
/** Every other member of the largest cluster. */
export const ECHOES_MAX = 63;

export interface Slot {
  /** 32 hexadecimal digits. */
  readonly diskId: string;
  readonly session: string;
  readonly sequence: number;
  readonly sentAtUs: number;
  readonly from: string;
  /** Null: it is not said. */
  readonly profile: Profile | null;
  readonly echoes: readonly BeatEcho[];
  /** Null: it is not said. */
  readonly life: string | null;
}

/** `foreign`: of another disk. */
export type SlotRefusal = 'malformed' | 'version' | 'forged' | 'foreign';

export function sealSlot(key: KeyObject, slot: Slot): Buffer {
  assert(slot.echoes.length <= ECHOES_MAX, 'a slot has room for its echoes');
  const sector = Buffer.alloc(SHARED_SECTOR_BYTES);
  MAGIC.copy(sector);
  sector.writeUInt32LE(VERSION, 8);
  sector.write(slot.diskId, 16, 'hex');
  sector.write(slot.session, 32, 'hex');
  sector.writeBigUInt64LE(BigInt(slot.sequence), 48);
  sector.writeBigUInt64LE(BigInt(slot.sentAtUs), 56);
  let at = sector.writeUInt8(Buffer.byteLength(slot.from), NAME_FROM);
  at += sector.write(slot.from, at);
  at = sector.writeUInt8(slot.echoes.length, at);
  for (const { session, sentAtUs, heldUs } of slot.echoes) {
    at += sector.write(session, at, 'hex');
    at = sector.writeBigUInt64LE(BigInt(sentAtUs), at);
    at = sector.writeUInt32LE(Math.min(Math.max(Math.round(heldUs), 0), HOLD_US_MAX), at);
  }
  const life = slot.life ?? '';
  at = sector.writeUInt8(Buffer.byteLength(life), at);
  sector.write(life, at);
  sector.writeUInt8(RHYTHMS.indexOf(slot.profile), PROFILE_AT);
  mac(key, sector).copy(sector, MAC_FROM);
  sector.writeUInt32LE(crc32c(sector.subarray(CHECKED_FROM)), 12);
  return sector;
}

/** Undefined for a sector that nobody has written yet. */
export function openSlot(key: KeyObject, diskId: string, sector: Buffer): Slot | SlotRefusal | undefined {
  if (isBlank(sector)) return undefined;
  if (sector.length !== SHARED_SECTOR_BYTES || !sector.subarray(0, MAGIC.length).equals(MAGIC))
    return 'malformed';
  if (sector.readUInt32LE(8) !== VERSION) return 'version';
  if (sector.readUInt32LE(12) !== crc32c(sector.subarray(CHECKED_FROM))) return 'malformed';
  if (!timingSafeEqual(mac(key, sector), sector.subarray(MAC_FROM))) return 'forged';
  const slot = fieldsOf(sector);
  return slot?.diskId === diskId ? slot : slot === undefined ? 'malformed' : 'foreign';
}

function fieldsOf(sector: Buffer): Slot | undefined {
  const sequence = Number(sector.readBigUInt64LE(48));
  const sentAtUs = Number(sector.readBigUInt64LE(56));
  const name = nameAt(sector.subarray(0, PROFILE_AT), NAME_FROM);
  const echoes = name && echoesAt(sector, name.end);
  const life = echoes && lifeAt(sector, name.end + 1 + echoes.length * ECHO_BYTES);
  const profile = RHYTHMS[sector.readUInt8(PROFILE_AT)];
  if (
    !name ||
    !echoes ||
    life === undefined ||
    profile === undefined ||
    !Number.isSafeInteger(sequence) ||
    !Number.isSafeInteger(sentAtUs)
  )
    return undefined;
  return {
    diskId: sector.toString('hex', 16, 32),
    session: sector.toString('hex', 32, 48),
    sequence,
    sentAtUs,
    from: name.name,
    profile,
    echoes,
    life,
  };
}

function echoesAt(sector: Buffer, start: number): readonly BeatEcho[] | undefined {
  const count = sector.readUInt8(start);
  const end = start + 1 + count * ECHO_BYTES;
  if (count > ECHOES_MAX || end > PROFILE_AT) return undefined;
  const echoes = Array.from({ length: count }, (_, index) => {
    const at = start + 1 + index * ECHO_BYTES;
    const sentAtUs = Number(sector.readBigUInt64LE(at + SESSION_BYTES));
    const heldUs = sector.readUInt32LE(at + SESSION_BYTES + 8);
    return { session: sector.toString('hex', at, at + SESSION_BYTES), sentAtUs, heldUs };
  });
  return echoes.every(({ sentAtUs }) => Number.isSafeInteger(sentAtUs)) ? echoes : undefined;
}

/** The last thing before the zeroes. Undefined where there is none, nor nothing. */
function lifeAt(sector: Buffer, start: number): string | null | undefined {
  const life = nameAt(sector.subarray(0, PROFILE_AT), start);
  if (!isBlank(sector.subarray(life?.end ?? start, PROFILE_AT))) return undefined;
  return life?.name ?? null;
}

function mac(key: KeyObject, sector: Buffer): Buffer {
  const digest = createHmac('sha256', key)
    .update(sector.subarray(0, 12))
    .update(sector.subarray(CHECKED_FROM, MAC_FROM))
    .digest();
  return digest.subarray(0, MAC_BYTES);
}

export function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
