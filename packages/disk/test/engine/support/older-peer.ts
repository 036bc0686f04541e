import { crc32c } from '@eterne/base';
import { FrameType, HEADER_BYTES, MAGIC } from '../../../src/protocol/wire.ts';

/** Every HELLO says that its side speaks no newer version than this one: so each side believes of the other. */
export function speakingAtMost(version: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    const isHello =
      bytes.length > HEADER_BYTES && bytes.readUInt32LE(0) === MAGIC && bytes[4] === FrameType.hello;
    if (!isHello) return bytes;
    const end = HEADER_BYTES + bytes.readUInt32LE(8);
    bytes.writeUInt16LE(version, HEADER_BYTES + 2);
    bytes.writeUInt32LE(crc32c(bytes.subarray(HEADER_BYTES, end)), 24);
    bytes.writeUInt32LE(crc32c(bytes.subarray(0, 28)), 28);
    return bytes;
  };
}
