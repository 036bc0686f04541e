/** What one listener offers to the clients that negotiate with it. */
import type { BlockDevice } from '@eterne/runtime';
import { TRANSMISSION_FLAG } from './wire.ts';

export type ExportLookup =
  | { readonly kind: 'served'; readonly device: BlockDevice }
  /** The name is ours, but this node may not serve it now (it is secondary, or frozen for good). */
  | { readonly kind: 'withheld'; readonly reason: string }
  | { readonly kind: 'unknown' };

export interface ExportCatalog {
  /** Names that can be opened at this moment. */
  names(): readonly string[];
  /** The empty name is the default export ("NBD_OPT_EXPORT_NAME"). */
  find(name: string): ExportLookup;
}

/**
 * Transmission flags of a device. Multi-conn is promised because the device's flush covers every connection and
 * every in-sync replica; DF because a READ is always answered in one chunk.
 */
export function transmissionFlags(device: BlockDevice, structuredReplies: boolean): number {
  return (
    TRANSMISSION_FLAG.hasFlags |
    TRANSMISSION_FLAG.sendFlush |
    TRANSMISSION_FLAG.sendFua |
    TRANSMISSION_FLAG.sendTrim |
    TRANSMISSION_FLAG.sendWriteZeroes |
    TRANSMISSION_FLAG.sendCache |
    TRANSMISSION_FLAG.canMultiConn |
    (device.readOnly ? TRANSMISSION_FLAG.readOnly : 0) |
    (structuredReplies ? TRANSMISSION_FLAG.sendDf : 0)
  );
}
