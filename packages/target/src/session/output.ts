/** PDUs of one connection, gathered over an event (`Gathering`). */
import { assert, crc32c } from '@eterne/base';
import { BHS_BYTES, DIGEST_BYTES, type Digests } from '@eterne/iscsi';
import { Gathering } from '@eterne/runtime';
import { MAX_GATHERED_BYTES } from '../limits.ts';

const PADDING_BYTES = 3;

export class PduOutput {
  #digests: Digests = { header: false, data: false };
  readonly #output = new Gathering();
  /** Bytes of all PDUs that were taken. */
  #takenBytes = 0;
  readonly #unsent: { readonly endBytes: number; readonly sent: () => void }[] = [];

  /** After login; takes effect with the next PDU. */
  set digests(digests: Digests) {
    this.#digests = digests;
  }

  get isEmpty(): boolean {
    return this.#output.isEmpty;
  }

  /** Small requests may have large answers: they must leave before there are more. */
  get isFull(): boolean {
    return this.#output.gatheredBytes >= MAX_GATHERED_BYTES;
  }

  /** One PDU. `data` must not change until the stream has sent it. */
  pdu<Fields>(
    write: (into: Buffer, at: number, fields: Fields) => void,
    fields: Fields,
    data?: Buffer,
  ): void {
    const headerBytes = BHS_BYTES + (this.#digests.header ? DIGEST_BYTES : 0);
    const at = this.#output.reserve(headerBytes);
    const { slab } = this.#output;
    slab.fill(0, at, at + BHS_BYTES);
    write(slab, at, fields);
    if (data !== undefined) slab.writeUIntBE(data.length, at + 5, 3);
    if (this.#digests.header) slab.writeUInt32LE(crc32c(slab.subarray(at, at + BHS_BYTES)), at + BHS_BYTES);
    if (data !== undefined && data.length > 0) this.#append(data);
  }

  /** `sent` is called when all PDUs so far have left (see `settle`); never when the connection ends before. */
  whenSent(sent: () => void): void {
    this.#unsent.push({ endBytes: this.#takenBytes + this.#output.gatheredBytes, sent });
  }

  /** To be called with an empty output and the bytes that the stream has not yet sent. */
  settle(bufferedBytes: number): void {
    assert(this.isEmpty, 'what is settled was taken');
    if (bufferedBytes === 0) this.#output.startOver();
    for (;;) {
      const first = this.#unsent[0];
      if (first === undefined || first.endBytes > this.#takenBytes - bufferedBytes) return;
      this.#unsent.shift();
      first.sent();
    }
  }

  /** Everything gathered, in order; nothing is left afterwards. */
  take(): readonly Buffer[] {
    this.#takenBytes += this.#output.gatheredBytes;
    return this.#output.take();
  }

  #append(data: Buffer): void {
    const paddingBytes = -data.length & PADDING_BYTES;
    this.#output.append(data);
    if (paddingBytes > 0) {
      const at = this.#output.reserve(paddingBytes);
      this.#output.slab.fill(0, at, at + paddingBytes);
    }
    if (!this.#digests.data) return;
    const ofData = crc32c(data);
    const digest = paddingBytes === 0 ? ofData : crc32c(Buffer.alloc(paddingBytes), ofData);
    const at = this.#output.reserve(DIGEST_BYTES);
    this.#output.slab.writeUInt32LE(digest, at);
  }
}
