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
import { claimedSequence, contextCycle, decodeTransaction, FREE, logSeed } from './log-transaction.ts';

export interface LogIdentity {
  readonly replicaUuid: string;
  readonly epoch: number;
  readonly slotCount: number;
  readonly extentCount: number;
}

/** `ring` is the log's 64 pages. Extents ascending. */
export function recoverHotExtents(ring: Buffer, identity: LogIdentity): readonly ExtentNumber[] | 'all' {
  assert(ring.length === LOG_RING_PAGES * PAGE_BYTES, 'the whole ring');
  const seed = logSeed(identity.replicaUuid);
  const wholeAt = (sequence: number): LogTransaction | undefined => {
    const transaction = decodeTransaction(pageOf(ring, sequence), seed);
    const isOurs = transaction?.epoch === identity.epoch && transaction.slotCount === identity.slotCount;
    return isOurs && transaction.sequence === sequence ? transaction : undefined;
  };
  const newest = claimedSequences(ring).find((sequence) => wholeAt(sequence) !== undefined);
  if (newest === undefined) return [];
  const oldest = Math.max(1, newest - contextCycle(identity.slotCount) + 1);
  const table = new Map<number, number>();
  for (let sequence = oldest; sequence <= newest; sequence += 1) {
    const transaction = wholeAt(sequence);
    if (transaction === undefined) return 'all';
    for (const { slot, extent } of transaction.updates) table.set(slot, extent);
    for (const [index, extent] of transaction.context.entries())
      table.set(transaction.contextFirst + index, extent);
  }
  const extents = new Set([...table.values()].filter((extent) => extent !== FREE));
  const ascending = [...extents].sort((a, b) => a - b);
  return ascending.every((extent) => extent < identity.extentCount) ? (ascending as ExtentNumber[]) : 'all';
}

/** What the pages' headers say, true or not, newest first: judging a whole page costs much more, and few are needed. */
function claimedSequences(ring: Buffer): number[] {
  const sequences: number[] = [];
  for (let place = 0; place < LOG_RING_PAGES; place += 1) {
    const sequence = claimedSequence(ring, place * PAGE_BYTES);
    if (sequence > 0 && sequence % LOG_RING_PAGES === place) sequences.push(sequence);
  }
  return sequences.toSorted((x, y) => y - x);
}

function pageOf(ring: Buffer, sequence: number): Buffer {
  const start = (sequence % LOG_RING_PAGES) * PAGE_BYTES;
  return ring.subarray(start, start + PAGE_BYTES);
}
