/**
 * Frames of the front channel (docs/internals/iscsi.md). Pure.
 * ```
 *   u32 length, u32 mark, bytes        big-endian; a length of zero is a beat
 * ```
 * The mark of a frame of the primary is its clock; that of the forwarding node is the newest one it has had from the primary.
 */
export const FRAME_HEADER_BYTES = 8;
/** Longest frame: what one data segment of iSCSI can have. Nothing is allocated for it. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

export interface FrameOwner {
  /** A frame begins; false to be given nothing more, for good. */
  onFrame(mark: number): boolean;
  /** The next bytes of the frame that has begun, a view of the chunk. */
  onBytes(bytes: Buffer): void;
}

export function frameHeader(lengthBytes: number, mark: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32BE(lengthBytes, 0);
  header.writeUInt32BE(mark, 4);
  return header;
}

export class FrontFrames {
  readonly #owner: FrameOwner;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  /** Of the frame that has begun. */
  #leftBytes = 0;
  #failed = false;

  constructor(owner: FrameOwner) {
    this.#owner = owner;
  }

  /** False when the owner wants nothing more or the bytes are no frames; it stays so. */
  decode(chunk: Buffer): boolean {
    for (let at = 0; at < chunk.length && !this.#failed;)
      at += this.#leftBytes > 0 ? this.#takeBytes(chunk, at) : this.#takeHeader(chunk, at);
    return !this.#failed;
  }

  #takeBytes(chunk: Buffer, at: number): number {
    const bytes = chunk.subarray(at, at + this.#leftBytes);
    this.#leftBytes -= bytes.length;
    this.#owner.onBytes(bytes);
    return bytes.length;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(
      this.#header,
      this.#headerBytes,
      at,
      at + FRAME_HEADER_BYTES - this.#headerBytes,
    );
    this.#headerBytes += copied;
    if (this.#headerBytes < FRAME_HEADER_BYTES) return copied;
    this.#headerBytes = 0;
    this.#leftBytes = this.#header.readUInt32BE(0);
    this.#failed = this.#leftBytes > MAX_FRAME_BYTES || !this.#owner.onFrame(this.#header.readUInt32BE(4));
    return copied;
  }
}
