/**
 * "NBD_CMD_BLOCK_STATUS" for base:allocation: the extents of a range, neighbours of one kind joined. The answer may end before the range
 * does (the client asks on from there), which bounds the look-ups of one request.
 */
import type { DeviceErrorCode, Extent } from '@eterne/runtime';
import type { ByteDevice } from './byte-device.ts';
import { MAX_STATUS_LOOKUPS } from './limits.ts';

export type StatusDone = (error: DeviceErrorCode | undefined, extents: readonly Extent[]) => void;

/** `onlyOne`: the client wants no more than the first extent (NBD_CMD_FLAG_REQ_ONE). */
export function blockStatus(
  bytes: ByteDevice,
  offset: number,
  lengthBytes: number,
  onlyOne: boolean,
  done: StatusDone,
): void {
  const end = offset + lengthBytes;
  const extents: Extent[] = [];
  const lookUp = (at: number, lookups: number): void => {
    if (at === end || lookups === MAX_STATUS_LOOKUPS) return done(undefined, extents);
    bytes.nextExtent(at, (error, { allocated, lengthBytes: found }) => {
      if (error !== undefined) return done(error, []);
      const extent = { allocated, lengthBytes: Math.min(found, end - at) };
      const last = extents.at(-1);
      if (last?.allocated === allocated)
        extents.splice(-1, 1, { allocated, lengthBytes: last.lengthBytes + extent.lengthBytes });
      else if (onlyOne && last !== undefined) return done(undefined, extents);
      else extents.push(extent);
      lookUp(at + extent.lengthBytes, lookups + 1);
    });
  };
  lookUp(offset, 0);
}
