import { EterneError } from '@eterne/base';
import { readUint64, writeUint64 } from './wire.ts';

/** Builds the body of a rare frame, field by field. Bounded by the caller's caps on names and lists. */
export class FieldWriter {
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;

  byte(value: number): this {
    this.#room(1)[this.#length++] = value;
    return this;
  }

  uint16(value: number): this {
    this.#room(2).writeUInt16LE(value, this.#length);
    this.#length += 2;
    return this;
  }

  uint64(value: number): this {
    writeUint64(this.#room(8), this.#length, value);
    this.#length += 8;
    return this;
  }

  /** At most 255 bytes of UTF-8 behind a length byte. */
  text(value: string): this {
    const bytes = Buffer.from(value);
    this.byte(bytes.length);
    bytes.copy(this.#room(bytes.length), this.#length);
    this.#length += bytes.length;
    return this;
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.uint16(values.length);
    values.forEach(write);
    return this;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(bytes: number): Buffer {
    if (this.#length + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * this.#bytes.length + bytes);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** Reads what `FieldWriter` wrote. Throws `protocol` on anything else; `finish` refuses trailing bytes. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }

  uint16(): number {
    return this.#take(2).readUInt16LE();
  }

  uint64(): number {
    const value = readUint64(this.#take(8), 0);
    if (Number.isNaN(value)) throw new EterneError('protocol', 'a number is out of range');
    return value;
  }

  text(maxBytes: number): string {
    const length = this.byte();
    if (length > maxBytes) throw new EterneError('protocol', 'a name is too long');
    return this.#take(length).toString();
  }

  choice<T extends string>(values: readonly T[]): T {
    const value = values[this.byte()];
    if (value === undefined) throw new EterneError('protocol', 'a value outside its list');
    return value;
  }

  flag(): boolean {
    return this.choice(['no', 'yes']) === 'yes';
  }

  list<T>(maxLength: number, read: () => T): T[] {
    const length = this.uint16();
    if (length > maxLength) throw new EterneError('protocol', 'a list is too long');
    return Array.from({ length }, read);
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw new EterneError('protocol', 'a frame has trailing bytes');
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new EterneError('protocol', 'a frame is too short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
