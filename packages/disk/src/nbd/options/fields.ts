/** Reads an option's data field by field. A field that is cut off or too long makes the whole option invalid. */
import { MAX_STRING_BYTES } from '../limits.ts';

export class OptionFields {
  readonly #data: Buffer;
  #at = 0;
  #valid = true;

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** Nothing was cut off and nothing is left over. */
  get complete(): boolean {
    return this.#valid && this.#at === this.#data.length;
  }

  u16(): number {
    return this.#has(2) ? this.#data.readUInt16BE(this.#advance(2)) : 0;
  }

  u32(): number {
    return this.#has(4) ? this.#data.readUInt32BE(this.#advance(4)) : 0;
  }

  /** `u32 length, UTF-8 bytes`. */
  string(): string {
    const lengthBytes = this.u32();
    if (lengthBytes > MAX_STRING_BYTES) this.#valid = false;
    if (!this.#has(lengthBytes)) return '';
    const start = this.#advance(lengthBytes);
    return this.#data.toString('utf8', start, start + lengthBytes);
  }

  /** `count` times `read`, but no more often than there can be fields of `minimumBytes` in the data. */
  repeat<T>(count: number, minimumBytes: number, read: () => T): readonly T[] {
    if (!this.#has(count * minimumBytes)) return [];
    return Array.from({ length: count }, read);
  }

  #has(lengthBytes: number): boolean {
    this.#valid &&= this.#at + lengthBytes <= this.#data.length;
    return this.#valid;
  }

  #advance(lengthBytes: number): number {
    const start = this.#at;
    this.#at += lengthBytes;
    return start;
  }
}
