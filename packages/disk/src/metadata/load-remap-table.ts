import { EterneError } from '@eterne/base';
import type { BlockStore } from '@eterne/runtime';
import { PAGE_BYTES, REMAP_OFFSET } from './layout.ts';
import { REMAP_SLOTS_BYTES, RemapTable } from './remap-table.ts';

/** Reads the table of an opened metadata region. Errors: `corrupt`, `io`. */
export function loadRemapTable(
  metadataStore: BlockStore,
  replicaUuid: string,
  done: (result: RemapTable | EterneError) => void,
): void {
  const slots = Buffer.alloc(REMAP_SLOTS_BYTES);
  metadataStore.read(REMAP_OFFSET, slots, (error) => {
    if (error !== undefined) done(new EterneError('io', error.message));
    else done(RemapTable.decode([slots.subarray(0, PAGE_BYTES), slots.subarray(PAGE_BYTES)], replicaUuid));
  });
}
