/**
 * The mirror protocol's wire format: what two replicas of one volume say to each other over a byte stream.
 * `docs/internals/mirror-protocol.md` argues it; `messages/` holds the bodies, one message per file.
 *
 * ```
 * dialer                                   acceptor
 *   │ ── ETERNE-MIRROR/1 <volume> <node>\n ──► │   the preface, the only text; ≤ 256 bytes
 *   │ ◄───────────── HELLO ─────────────────── │   names the session; the dialer is silent until it has it
 *   │ ────────────── HELLO ──────────────────► │
 *   │ both compute the same decision, make their duties durable
 *   │ ◄──────────── BITMAP … ────────────────► │   only when something must be copied
 *   │ ◄── STATE, WRITE, ACKS, FLUSH, RESYNC… ─► │
 * ```
 *
 * A frame is a 32-byte header and a body, all little-endian:
 *
 * | offset | size | field |
 * |-------:|-----:|-------|
 * |  0 | 4 | magic `EtMr` |
 * |  4 | 1 | type |
 * |  5 | 1 | flags: bit 0, the body is covered by `bodyCrc`; bit 1, the body is a zstd frame (`compression.ts`); others zero |
 * |  6 | 2 | without flag bit 0: how many bytes at the start of the body `bodyCrc` covers; with it, zero |
 * |  8 | 4 | body length in bytes, capped by type |
 * | 12 | 4 | session, random, chosen by the acceptor |
 * | 16 | 8 | sequence of the frame in its direction, from 0 without gaps |
 * | 24 | 4 | CRC-32C of the body, or of its start; zero when it covers nothing |
 * | 28 | 4 | CRC-32C of bytes 0…27 |
 *
 * Changelog: version 1, the first. Version 2: RESIZE, RESIZED, mirror sets. Version 3: SERVE_ASK, FETCH, FETCHED. Version 4: lives in HELLO. Both sides say in HELLO what they speak; the newest that both do counts.
 */
import { crc32cOf } from '@eterne/base';

/** In the preface. */
export const PREFACE_VERSION = 1;
/** What this program speaks, from the first frame on. */
export const OLDEST_VERSION = 1;
export const NEWEST_VERSION = 4;
export const HEADER_BYTES = 32;
export const MAGIC = 0x724d7445; // 'EtMr' read little-endian
export const FLAG_BODY_CRC = 1;
export const FLAG_ZSTD = 2;
/** The longest range of one WRITE, READ or RESYNC frame; longer requests are cut by the sender. */
export const MAX_DATA_BYTES = 1024 * 1024;
/** The longest range of one ZERO or DISCARD frame. */
export const MAX_ZERO_BYTES = 1024 * 1024 * 1024;
export const MAX_CONTROL_BYTES = 64 * 1024;
export const MAX_PREFACE_BYTES = 256;

export const FrameType = {
  hello: 1,
  bitmap: 2,
  state: 3,
  stateAck: 4,
  ping: 5,
  bye: 6,
  write: 16,
  zero: 17,
  flush: 18,
  acks: 19,
  flushed: 20,
  barrier: 21,
  ahead: 22,
  read: 32,
  readReply: 33,
  settled: 34,
  starved: 35,
  unsettled: 36,
  thirdBitmap: 37,
  flushAgain: 38,
  covered: 39,
  verifyAsk: 40,
  verifyBegin: 41,
  verifyData: 42,
  verifyResult: 43,
  verifyEnd: 44,
  repairData: 46,
  repaired: 47,
  resyncRequest: 48,
  resyncData: 49,
  resyncClear: 50,
  resyncDone: 51,
  resyncBegin: 52,
  resyncReady: 53,
  resyncNames: 54,
  resyncFinished: 55,
  splitAsk: 56,
  splitReport: 57,
  serveAsk: 58,
  resize: 60,
  resized: 61,
  fetch: 62,
  fetched: 63,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Longest body a frame of this type may have; undefined for a type that does not exist. */
export function maxBodyBytes(type: number): number | undefined {
  switch (type as FrameType) {
    case FrameType.write:
    case FrameType.readReply:
    case FrameType.resyncData:
    case FrameType.verifyData:
    case FrameType.repairData:
    case FrameType.fetched:
      return MAX_DATA_BYTES + 64;
    case FrameType.splitReport:
    case FrameType.resized:
    case FrameType.hello:
    case FrameType.bitmap:
    case FrameType.state:
    case FrameType.acks:
    case FrameType.resyncClear:
    case FrameType.resyncNames:
    case FrameType.unsettled:
    case FrameType.thirdBitmap:
    case FrameType.verifyResult:
    case FrameType.repaired:
      return MAX_CONTROL_BYTES;
    case FrameType.bye:
    case FrameType.verifyEnd:
      return 1024;
    case FrameType.splitAsk:
    case FrameType.ping:
    case FrameType.resyncReady:
    case FrameType.resyncDone:
    case FrameType.resyncFinished:
    case FrameType.starved:
    case FrameType.barrier:
    case FrameType.ahead:
    case FrameType.covered:
    case FrameType.serveAsk:
      return 0;
    case FrameType.stateAck:
    case FrameType.zero:
    case FrameType.flush:
    case FrameType.flushed:
    case FrameType.settled:
    case FrameType.flushAgain:
    case FrameType.read:
    case FrameType.resyncRequest:
    case FrameType.resyncBegin:
    case FrameType.verifyAsk:
    case FrameType.verifyBegin:
    case FrameType.resize:
    case FrameType.fetch:
      return 64;
    default:
      return undefined;
  }
}

/** Of the first `coveredBytes` of a body: of all of it, or of what stands before its data. */
export interface BodyCrc {
  readonly value: number;
  readonly coveredBytes: number;
}

/** Writes the header of a frame whose body is `bodyBytes` long into `into` at `at`. */
export function encodeHeader(
  into: Buffer,
  at: number,
  type: FrameType,
  bodyBytes: number,
  session: number,
  sequence: number,
  crc: BodyCrc,
  isCompressed = false,
): void {
  into.writeUInt32LE(MAGIC, at);
  into[at + 4] = type;
  into[at + 5] = (crc.coveredBytes === bodyBytes ? FLAG_BODY_CRC : 0) | (isCompressed ? FLAG_ZSTD : 0);
  into.writeUInt16LE(crc.coveredBytes === bodyBytes ? 0 : crc.coveredBytes, at + 6);
  into.writeUInt32LE(bodyBytes, at + 8);
  into.writeUInt32LE(session, at + 12);
  writeUint64(into, at + 16, sequence);
  into.writeUInt32LE(crc.value, at + 24);
  into.writeUInt32LE(crc32cOf(into, at, at + 28), at + 28);
}

/** One of several connections that carry one session together: it begins a bundle of them, or joins one. `id`: 16 hexadecimal digits. */
export interface PathNote {
  readonly kind: 'new' | 'join';
  readonly id: string;
}

/** The line that a dialer writes before its first frame. */
export function encodePreface(volume: string, fromNode: string, path?: PathNote): Buffer {
  const suffix = path === undefined ? '' : ` ${path.kind}:${path.id}`;
  return Buffer.from(`ETERNE-MIRROR/${PREFACE_VERSION} ${volume} ${fromNode}${suffix}\n`);
}

/** `value` is a whole number below 2^53. */
export function writeUint64(into: Buffer, at: number, value: number): void {
  into.writeUInt32LE(value % 0x1_0000_0000, at);
  into.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** NaN when the number does not fit 53 bits, so that every later comparison with it fails. */
export function readUint64(from: Buffer, at: number): number {
  const high = from.readUInt32LE(at + 4);
  return high < 0x20_0000 ? high * 0x1_0000_0000 + from.readUInt32LE(at) : Number.NaN;
}
