/**
 * PDUs of one connection, gathered over an event and handed to the stream in few, large pieces. Headers and short data are
 * copied into a slab, so that 32 answers are one write; long data goes out as it is, between two slab pieces. The stream
 * owns what it was given until it is sent; only then are slab bytes used again.
 */
import { KIB, assert, crc32c } from '@eterne/base';
import { BHS_BYTES, DIGEST_BYTES, type Digests } from '@eterne/iscsi';
import { MAX_GATHERED_BYTES } from '../limits.ts';

const SLAB_BYTES = 256 * KIB;
/** Up to here copying is cheaper than another piece in the stream's queue. */
const LARGEST_COPY_BYTES = 16 * KIB;
const PADDING_BYTES = 3;

export class PduOutput {
  #digests: Digests = { header: false, data: false };
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #sentTo = 0;
  #filledTo = 0;
  #pieces: Buffer[] = [];
  /** Bytes of all PDUs so far, and of those that were taken. */
  #totalBytes = 0;
  #takenBytes = 0;
  readonly #unsent: { readonly endBytes: number; readonly sent: () => void }[] = [];

  /** After login; takes effect with the next PDU. */
  set digests(digests: Digests) {
    this.#digests = digests;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#filledTo === this.#sentTo;
  }

  /** Small requests may have large answers: they must leave before there are more. */
  get isFull(): boolean {
    return this.#totalBytes - this.#takenBytes >= MAX_GATHERED_BYTES;
  }

  /** One PDU. `data` must not change until the stream has sent it. */
  pdu<Fields>(
    write: (into: Buffer, at: number, fields: Fields) => void,
    fields: Fields,
    data?: Buffer,
  ): void {
    const headerBytes = BHS_BYTES + (this.#digests.header ? DIGEST_BYTES : 0);
    const at = this.#reserve(headerBytes);
    this.#slab.fill(0, at, at + BHS_BYTES);
    write(this.#slab, at, fields);
    if (data !== undefined) this.#slab.writeUIntBE(data.length, at + 5, 3);
    if (this.#digests.header)
      this.#slab.writeUInt32LE(crc32c(this.#slab.subarray(at, at + BHS_BYTES)), at + BHS_BYTES);
    if (data !== undefined && data.length > 0) this.#append(data);
  }

  /** `sent` is called when all PDUs so far have left (see `settle`); never when the connection ends before. */
  whenSent(sent: () => void): void {
    this.#unsent.push({ endBytes: this.#totalBytes, sent });
  }

  /** To be called with an empty output and the bytes that the stream has not yet sent. */
  settle(bufferedBytes: number): void {
    assert(this.isEmpty, 'what is settled was taken');
    if (bufferedBytes === 0) this.#startOver();
    for (;;) {
      const first = this.#unsent[0];
      if (first === undefined || first.endBytes > this.#totalBytes - bufferedBytes) return;
      this.#unsent.shift();
      first.sent();
    }
  }

  /** Everything gathered, in order; nothing is left afterwards. */
  take(): readonly Buffer[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#takenBytes = this.#totalBytes;
    return pieces;
  }

  #append(data: Buffer): void {
    const paddingBytes = -data.length & PADDING_BYTES;
    if (data.length <= LARGEST_COPY_BYTES) {
      const at = this.#reserve(data.length);
      data.copy(this.#slab, at);
    } else {
      this.#cut();
      this.#pieces.push(data);
      this.#totalBytes += data.length;
    }
    if (paddingBytes > 0) {
      const at = this.#reserve(paddingBytes);
      this.#slab.fill(0, at, at + paddingBytes);
    }
    if (!this.#digests.data) return;
    const ofData = crc32c(data);
    const digest = paddingBytes === 0 ? ofData : crc32c(Buffer.alloc(paddingBytes), ofData);
    const at = this.#reserve(DIGEST_BYTES);
    this.#slab.writeUInt32LE(digest, at);
  }

  #reserve(lengthBytes: number): number {
    assert(lengthBytes <= SLAB_BYTES, 'a piece of a PDU fits a slab');
    if (this.#filledTo + lengthBytes > SLAB_BYTES) {
      this.#cut();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#sentTo = 0;
      this.#filledTo = 0;
    }
    const at = this.#filledTo;
    this.#filledTo += lengthBytes;
    this.#totalBytes += lengthBytes;
    return at;
  }

  /** In memory that is still in the processor's cache. */
  #startOver(): void {
    this.#sentTo = 0;
    this.#filledTo = 0;
  }

  /** Closes the slab piece that is being filled. */
  #cut(): void {
    if (this.#filledTo === this.#sentTo) return;
    this.#pieces.push(this.#slab.subarray(this.#sentTo, this.#filledTo));
    this.#sentTo = this.#filledTo;
  }
}
