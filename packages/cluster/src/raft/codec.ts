/** Little-endian byte strings with a bound on every length. Used by the messages, the log file and the snapshots. */
import { EterneError } from '@eterne/base';

const U32_RANGE = 0x1_0000_0000;

/** Collects fields; `finish` joins them. */
export class ByteWriter {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    this.#parts.push(Buffer.from([value]));
    return this;
  }

  u32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32LE(value);
    this.#parts.push(part);
    return this;
  }

  /** A whole number below 2^53. */
  u64(value: number): this {
    return this.u32(value % U32_RANGE).u32(Math.floor(value / U32_RANGE));
  }

  /** UTF-8, at most 255 bytes, length first. */
  text(value: string): this {
    const bytes = Buffer.from(value);
    this.u8(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  /** Length (u32), then the bytes. */
  bytes(value: Buffer): this {
    this.u32(value.length);
    this.#parts.push(value);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Reads what `ByteWriter` wrote. Everything it returns is a copy or a plain value; any disagreement throws `corrupt`. */
export class ByteReader {
  readonly #source: Buffer;
  #offset = 0;

  constructor(source: Buffer) {
    this.#source = source;
  }

  get remainingBytes(): number {
    return this.#source.length - this.#offset;
  }

  #take(lengthBytes: number): Buffer {
    if (lengthBytes > this.remainingBytes) throw malformed('ends too early');
    const part = this.#source.subarray(this.#offset, this.#offset + lengthBytes);
    this.#offset += lengthBytes;
    return part;
  }

  u8(): number {
    return this.#take(1).readUInt8();
  }

  u32(): number {
    return this.#take(4).readUInt32LE();
  }

  u64(): number {
    const low = this.u32();
    const value = this.u32() * U32_RANGE + low;
    if (!Number.isSafeInteger(value)) throw malformed('a number is too large');
    return value;
  }

  text(): string {
    return this.#take(this.u8()).toString('utf8');
  }

  bytes(maxBytes: number): Buffer {
    const lengthBytes = this.u32();
    if (lengthBytes > maxBytes)
      throw malformed(`a field of ${lengthBytes} bytes, at most ${maxBytes} allowed`);
    return Buffer.from(this.#take(lengthBytes));
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw malformed(`${value} is not a flag`);
    return value === 1;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.remainingBytes !== 0) throw malformed(`${this.remainingBytes} bytes too many`);
  }
}

export function malformed(what: string): EterneError {
  return new EterneError('corrupt', `malformed record: ${what}`);
}
