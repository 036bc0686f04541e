/**
 * The client's half of "Newstyle negotiation", with NBD_OPT_GO. Pure: bytes in, bytes to send and the outcome out.
 * ```
 *   greeting ──▶ going ──▶ done
 *       └───────────┴──▶ failed
 * ```
 */
import { EterneError } from '@eterne/base';
import {
  GREETING_MAGIC,
  HANDSHAKE_FLAG,
  INFO,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY,
  OPTION_REPLY_MAGIC,
} from '../wire.ts';

const GREETING_BYTES = 18;
const OPTION_REPLY_HEADER_BYTES = 20;
/** An honest server answers GO with a few short replies. */
const REPLY_BYTES_MAX = 64 * 1024;

export interface ExportInfo {
  readonly sizeBytes: number;
  readonly transmissionFlags: number;
}

export type NegotiationStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'send'; readonly bytes: Buffer }
  /** `surplus`: bytes that belong to the transmission phase. */
  | { readonly kind: 'done'; readonly info: ExportInfo; readonly surplus: Buffer }
  | { readonly kind: 'failed'; readonly error: EterneError };

const MORE: NegotiationStep = { kind: 'more' };
const nonsense = (what: string): NegotiationStep => ({
  kind: 'failed',
  error: new EterneError('protocol', `the NBD server ${what}`),
});

/** Client flags, then NBD_OPT_GO for `exportName` with no information requests. */
function encodeGo(exportName: string): Buffer {
  const name = Buffer.from(exportName, 'utf8');
  const bytes = Buffer.alloc(4 + 16 + 4 + name.length + 2);
  bytes.writeUInt32BE(HANDSHAKE_FLAG.fixedNewstyle | HANDSHAKE_FLAG.noZeroes, 0);
  OPTION_MAGIC.copy(bytes, 4);
  bytes.writeUInt32BE(OPTION.go, 12);
  bytes.writeUInt32BE(4 + name.length + 2, 16);
  bytes.writeUInt32BE(name.length, 20);
  name.copy(bytes, 24);
  return bytes;
}

export class Negotiation {
  readonly #exportName: string;
  #received = Buffer.alloc(0);
  #greeted = false;
  #info: ExportInfo | undefined;

  constructor(exportName: string) {
    this.#exportName = exportName;
  }

  /** Takes what arrived; at most one step a call, so call again with an empty buffer until `more`. */
  take(chunk: Buffer): NegotiationStep {
    this.#received = Buffer.concat([this.#received, chunk]);
    if (this.#received.length > 2 * REPLY_BYTES_MAX)
      return nonsense('sent too much before the export was open');
    return this.#greeted ? this.#reply() : this.#greeting();
  }

  #greeting(): NegotiationStep {
    if (this.#received.length < GREETING_BYTES) return MORE;
    if (!this.#received.subarray(0, 16).equals(GREETING_MAGIC))
      return nonsense('does not speak NBD (newstyle)');
    const flags = this.#received.readUInt16BE(16);
    if ((flags & HANDSHAKE_FLAG.fixedNewstyle) === 0) return nonsense('is too old (no fixed newstyle)');
    this.#received = this.#received.subarray(GREETING_BYTES);
    this.#greeted = true;
    return { kind: 'send', bytes: encodeGo(this.#exportName) };
  }

  #reply(): NegotiationStep {
    if (this.#received.length < OPTION_REPLY_HEADER_BYTES) return MORE;
    if (!this.#received.subarray(0, 8).equals(OPTION_REPLY_MAGIC))
      return nonsense('sent a malformed option reply');
    const type = this.#received.readUInt32BE(12);
    const lengthBytes = this.#received.readUInt32BE(16);
    if (lengthBytes > REPLY_BYTES_MAX) return nonsense('sent an option reply that is too long');
    const end = OPTION_REPLY_HEADER_BYTES + lengthBytes;
    if (this.#received.length < end) return MORE;
    const data = this.#received.subarray(OPTION_REPLY_HEADER_BYTES, end);
    this.#received = this.#received.subarray(end);
    return this.#handle(type, data);
  }

  #handle(type: number, data: Buffer): NegotiationStep {
    if (type === OPTION_REPLY.info) {
      if (data.length >= 12 && data.readUInt16BE(0) === INFO.export) {
        this.#info = { sizeBytes: Number(data.readBigUInt64BE(2)), transmissionFlags: data.readUInt16BE(10) };
      }
      return this.#reply();
    }
    if (type === OPTION_REPLY.ack) {
      if (!this.#info) return nonsense('opened the export without telling its size');
      return { kind: 'done', info: this.#info, surplus: this.#received };
    }
    const reason = data.toString('utf8') || `option error 0x${type.toString(16)}`;
    return {
      kind: 'failed',
      error: new EterneError('refused', `NBD export ${JSON.stringify(this.#exportName)} refused: ${reason}`),
    };
  }
}
