/**
 * Frames on a member connection: `length u32 (of the payload), payload` while shaking hands; afterwards
 * `length u32, MAC 16 bytes, payload`, where MAC = HMAC-SHA256(session key, sequence u64 | length u32 | payload), cut to 16 bytes. The sequence
 * counts the frames of one direction from 0 and is not sent: a frame that is repeated, left out or moved fails its check.
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { EterneError } from '@eterne/base';
import { APPEND_MAX_ENTRIES, ENTRY_MAX_BYTES } from '../types.ts';

const LENGTH_BYTES = 4;
export const MAC_BYTES = 16;
/** A largest entry with its surroundings. */
export const MESSAGE_MAX_BYTES = ENTRY_MAX_BYTES + 32 * APPEND_MAX_ENTRIES;

export function plainFrame(payload: Buffer): Buffer {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32LE(payload.length);
  return Buffer.concat([length, payload]);
}

/** One direction's counter and key. */
export class FrameSeal {
  readonly #key: KeyObject;
  #sequence = 0;

  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  /** The next frame to send. */
  seal(payload: Buffer): Buffer {
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32LE(payload.length);
    return Buffer.concat([length, this.#mac(payload), payload]);
  }

  /** The payload of the next frame received (`MAC, payload`), or undefined when it is not what the peer sent next. */
  open(sealed: Buffer): Buffer | undefined {
    if (sealed.length < MAC_BYTES) return undefined;
    const payload = sealed.subarray(MAC_BYTES);
    return timingSafeEqual(sealed.subarray(0, MAC_BYTES), this.#mac(payload)) ? payload : undefined;
  }

  #mac(payload: Buffer): Buffer {
    const head = Buffer.allocUnsafe(12);
    head.writeBigUInt64LE(BigInt(this.#sequence));
    head.writeUInt32LE(payload.length, 8);
    this.#sequence += 1;
    return createHmac('sha256', this.#key).update(head).update(payload).digest().subarray(0, MAC_BYTES);
  }
}

/**
 * Cuts a byte stream into frame bodies. `extraBytes` is what precedes each payload beside its length (the MAC); `maxBytes` bounds the payload before anything
 * is gathered. After one failure it stays failed.
 */
export class FrameSplitter {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #failed = false;
  #extraBytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** From the next frame on. */
  expectSealed(maxBytes: number): void {
    this.#extraBytes = MAC_BYTES;
    this.#maxBytes = maxBytes;
  }

  /** Copies `chunk`. */
  push(chunk: Buffer): void {
    this.#pending.push(Buffer.from(chunk));
    this.#pendingBytes += chunk.length;
  }

  /** The next whole frame without its length; undefined when more must come; `protocol` when it can be none. */
  next(): Buffer | undefined | EterneError {
    if (this.#failed) return tooLong();
    if (this.#pendingBytes < LENGTH_BYTES) return undefined;
    const length = this.#peekLength();
    if (length > this.#maxBytes) {
      this.#failed = true;
      this.#pending = [];
      return tooLong();
    }
    const wholeBytes = LENGTH_BYTES + this.#extraBytes + length;
    if (this.#pendingBytes < wholeBytes) return undefined;
    const all = this.#joined();
    this.#pending = [all.subarray(wholeBytes)];
    this.#pendingBytes -= wholeBytes;
    return all.subarray(LENGTH_BYTES, wholeBytes);
  }

  #peekLength(): number {
    const [first] = this.#pending;
    return (first && first.length >= LENGTH_BYTES ? first : this.#joined()).readUInt32LE();
  }

  #joined(): Buffer {
    const all = Buffer.concat(this.#pending);
    this.#pending = [all];
    return all;
  }
}

function tooLong(): EterneError {
  return new EterneError('protocol', 'a frame of the log’s transport is too long');
}
