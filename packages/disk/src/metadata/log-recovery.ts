/**
 * Which extents were hot when the last user of the log stopped. Pure.
 *
 * The newest whole transaction T is the table's last durable state or one step older: transactions are written one at a time, each
 * durable before the next is begun and before any write it covers. A torn page can therefore only be T + 1, and
 * nothing that T + 1 covers was written. Replaying a run of `contextCycle` consecutive transactions up to T, or all
 * of a young epoch, gives every slot. A gap in that run means that the store lost a page it had flushed: then every extent counts as hot.
 */
import type { ExtentNumber } from '@eterne/base';
import { assert } from '@eterne/base';
import { LOG_RING_PAGES, PAGE_BYTES } from './layout.ts';
import type { LogTransaction } from './log-transaction.ts';
import { contextCycle, decodeTransaction, FREE, logSeed } from './log-transaction.ts';

export interface LogIdentity {
  readonly replicaUuid: string;
  readonly epoch: number;
  readonly slotCount: number;
  readonly extentCount: number;
}

/** `ring` is the log's 64 pages. Extents ascending. */
export function recoverHotExtents(ring: Buffer, identity: LogIdentity): readonly ExtentNumber[] | 'all' {
  assert(ring.length === LOG_RING_PAGES * PAGE_BYTES, 'the whole ring');
  const found = readRing(ring, identity);
  const newest = Math.max(0, ...found.keys());
  if (newest === 0) return [];
  const oldest = Math.max(1, newest - contextCycle(identity.slotCount) + 1);
  const table = new Map<number, number>();
  for (let sequence = oldest; sequence <= newest; sequence += 1) {
    const transaction = found.get(sequence);
    if (transaction === undefined) return 'all';
    for (const { slot, extent } of transaction.updates) table.set(slot, extent);
    for (const [index, extent] of transaction.context.entries())
      table.set(transaction.contextFirst + index, extent);
  }
  const extents = new Set([...table.values()].filter((extent) => extent !== FREE));
  const ascending = [...extents].sort((a, b) => a - b);
  return ascending.every((extent) => extent < identity.extentCount) ? (ascending as ExtentNumber[]) : 'all';
}

/** Whole transactions of this epoch by sequence. */
function readRing(ring: Buffer, { replicaUuid, epoch, slotCount }: LogIdentity): Map<number, LogTransaction> {
  const seed = logSeed(replicaUuid);
  const found = new Map<number, LogTransaction>();
  for (let place = 0; place < LOG_RING_PAGES; place += 1) {
    const page = ring.subarray(place * PAGE_BYTES, (place + 1) * PAGE_BYTES);
    const transaction = decodeTransaction(page, seed);
    if (transaction === undefined || transaction.epoch !== epoch) continue;
    if (transaction.slotCount !== slotCount || transaction.sequence % LOG_RING_PAGES !== place) continue;
    found.set(transaction.sequence, transaction);
  }
  return found;
}
