/**
 * One activity-log transaction's bytes: one 4 KiB page, little-endian. Pure.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | magic `EAL1` |
 * | 4 | 4 | CRC-32C of the page with this field zero, seeded with the replica's uuid |
 * | 8 | 4 | epoch: transactions of another epoch than the superblock's are void |
 * | 12 | 4 | slots in the table |
 * | 16 | 8 | sequence, 1 in a new epoch; place in the ring = sequence mod 64 |
 * | 24 | 4 | updates (at most 64) |
 * | 28 | 4 | first slot of the context |
 * | 32 | 4 | slots in the context (at most 880) |
 * | 64 | 512 | updates: slot, extent |
 * | 576 | 3520 | context: the extents of a stretch of the table *after* the updates; the stretches walk round the table |
 *
 * Extent 0xFFFFFFFF: the slot is free. All other bytes are zero.
 */
import { assert, crc32c } from '@eterne/base';
import { PAGE_BYTES } from './layout.ts';

const MAGIC = 0x314c_4145;
export const MAX_UPDATES = 64;
export const MAX_CONTEXT = 880;
export const FREE = 0xffff_ffff;
const UPDATES_OFFSET = 64;
const CONTEXT_OFFSET = UPDATES_OFFSET + MAX_UPDATES * 8;
assert(CONTEXT_OFFSET + MAX_CONTEXT * 4 === PAGE_BYTES, 'a transaction fills its page');

export interface SlotUpdate {
  readonly slot: number;
  readonly extent: number;
}

export interface LogTransaction {
  readonly epoch: number;
  readonly sequence: number;
  readonly slotCount: number;
  readonly updates: readonly SlotUpdate[];
  readonly contextFirst: number;
  readonly context: readonly number[];
}

/** Transactions after which every slot has been in a context. */
export function contextCycle(slotCount: number): number {
  return Math.ceil(slotCount / MAX_CONTEXT);
}

/** The stretch of the table that the transaction with this sequence carries. */
export function contextStretch(sequence: number, slotCount: number): { first: number; count: number } {
  const first = (sequence % contextCycle(slotCount)) * MAX_CONTEXT;
  return { first, count: Math.min(MAX_CONTEXT, slotCount - first) };
}

export function logSeed(replicaUuid: string): number {
  return crc32c(Buffer.from(replicaUuid));
}

export function encodeTransaction(transaction: LogTransaction, seed: number): Buffer {
  assert(transaction.updates.length <= MAX_UPDATES, 'updates fit');
  assert(transaction.context.length <= MAX_CONTEXT, 'context fits');
  const page = Buffer.alloc(PAGE_BYTES);
  page.writeUInt32LE(MAGIC, 0);
  page.writeUInt32LE(transaction.epoch, 8);
  page.writeUInt32LE(transaction.slotCount, 12);
  page.writeBigUInt64LE(BigInt(transaction.sequence), 16);
  page.writeUInt32LE(transaction.updates.length, 24);
  page.writeUInt32LE(transaction.contextFirst, 28);
  page.writeUInt32LE(transaction.context.length, 32);
  for (const [index, { slot, extent }] of transaction.updates.entries()) {
    page.writeUInt32LE(slot, UPDATES_OFFSET + index * 8);
    page.writeUInt32LE(extent, UPDATES_OFFSET + index * 8 + 4);
  }
  for (const [index, extent] of transaction.context.entries())
    page.writeUInt32LE(extent, CONTEXT_OFFSET + index * 4);
  page.writeUInt32LE(crc32c(page, seed), 4);
  return page;
}

/** The sequence that the header of the page at `offset` names; nothing of it is checked. */
export function claimedSequence(ring: Buffer, offset: number): number {
  return ring.readUInt32LE(offset + 20) * 2 ** 32 + ring.readUInt32LE(offset + 16);
}

/** Undefined for anything but a whole transaction of this replica: torn, foreign, or never written. */
export function decodeTransaction(page: Buffer, seed: number): LogTransaction | undefined {
  assert(page.length === PAGE_BYTES, 'a transaction is one page');
  if (page.readUInt32LE(0) !== MAGIC) return undefined;
  const updateCount = page.readUInt32LE(24);
  const contextCount = page.readUInt32LE(32);
  const sequence = Number(page.readBigUInt64LE(16));
  if (updateCount > MAX_UPDATES || contextCount > MAX_CONTEXT || !Number.isSafeInteger(sequence))
    return undefined;
  const transaction: LogTransaction = {
    epoch: page.readUInt32LE(8),
    sequence,
    slotCount: page.readUInt32LE(12),
    updates: Array.from({ length: updateCount }, (_, index) => ({
      slot: page.readUInt32LE(UPDATES_OFFSET + index * 8),
      extent: page.readUInt32LE(UPDATES_OFFSET + index * 8 + 4),
    })),
    contextFirst: page.readUInt32LE(28),
    context: Array.from({ length: contextCount }, (_, index) =>
      page.readUInt32LE(CONTEXT_OFFSET + index * 4),
    ),
  };
  return encodeTransaction(transaction, seed).equals(page) ? transaction : undefined;
}
