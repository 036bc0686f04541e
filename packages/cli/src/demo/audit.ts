/** The last word: every acknowledged record read back from both replicas' own files, with nothing of ours running. */
import { readChunks } from '@eterne/runtime/node/scratch.ts';
import { RECORD_BYTES, decodeRecord } from './ledger/record.ts';
import type { Acknowledged } from './load.ts';

export interface Audit {
  /** Acknowledged records that are missing or altered on at least one replica. */
  readonly lost: number;
  readonly replicasIdentical: boolean;
}

function isOnDisk(image: Buffer, { number, checksum, payload }: Acknowledged): boolean {
  const slot = image.subarray(number * RECORD_BYTES, (number + 1) * RECORD_BYTES);
  const record = slot.length === RECORD_BYTES ? decodeRecord(slot) : undefined;
  return record?.number === number && record.checksum === checksum && record.payload === payload;
}

export function audit(imagePaths: readonly string[], acknowledged: readonly Acknowledged[]): Audit {
  const images = imagePaths.map((path) => Buffer.concat([...readChunks(path)]));
  const [first] = images;
  const lost = acknowledged.filter((record) => !images.every((image) => isOnDisk(image, record)));
  return {
    lost: lost.length,
    replicasIdentical: first !== undefined && images.every((image) => image.equals(first)),
  };
}
