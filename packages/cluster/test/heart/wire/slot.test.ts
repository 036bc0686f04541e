import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SHARED_SECTOR_BYTES } from '@eterne/runtime';
import { crc32c } from '@eterne/base';
import { ECHOES_MAX, openSlot, sealSlot, type Slot } from '../../../src/heart/wire/slot.ts';
import {
  BOARD_END,
  BOARD_FROM,
  decodeBoardHeader,
  encodeBoardHeader,
  isFree,
  slotOffset,
} from '../../../src/heart/wire/board.ts';
import { newTieArea } from '../../../src/raft/tie/block.ts';
import { CLUSTER_ID, DISK_ID } from '../shared-file.ts';

const key = createSecretKey(Buffer.alloc(32, 1));
const slot: Slot = {
  diskId: DISK_ID,
  session: '000102030405060708090a0b0c0d0e0f',
  sequence: 258,
  sentAtUs: 1_000_000,
  from: 'n1',
  profile: null,
  echoes: [{ session: 'f0'.repeat(16), sentAtUs: 7, heldUs: 9 }],
  life: null,
};

test('the bytes of a slot', () => {
  const sector = sealSlot(key, slot);
  const golden = [
    '455445524e484253', // magic
    '01000000', // version
    'f4c7f04e', // CRC-32C
    DISK_ID,
    '000102030405060708090a0b0c0d0e0f',
    '0201000000000000', // sequence
    '40420f0000000000', // sent at
    '026e31', // name
    '01', // echoes
    `${'f0'.repeat(16)}070000000000000009000000`,
  ].join('');
  assert.equal(sector.toString('hex', 0, golden.length / 2), golden);
  assert.equal(sector.length, SHARED_SECTOR_BYTES);
  assert.equal(sector.toString('hex', 4080), '51a0e3ef96d7573d58c829b0ea1b48a0');
  assert.deepEqual(openSlot(key, DISK_ID, sector), slot);
});

test('the rhythm is beside the seal; where none is said the bytes are as before', () => {
  for (const [number, profile] of [null, 'lan', 'wan'].entries()) {
    const told = { ...slot, profile } as Slot;
    const sector = sealSlot(key, told);
    assert.equal(sector.readUInt8(4079), number);
    assert.deepEqual(openSlot(key, DISK_ID, sector), told);
  }
});

test('a life stands behind the echoes; where none is said the bytes are as before', () => {
  const told = { ...slot, life: 'n1-1' };
  const sector = sealSlot(key, told);
  const at = 64 + 3 + 1 + 28;
  assert.equal(sector.toString('hex', at, at + 5), '046e312d31');
  assert.deepEqual(openSlot(key, DISK_ID, sector), told);
});

test('the largest cluster fits', () => {
  const echoes = Array.from({ length: ECHOES_MAX }, (_, sentAtUs) => ({
    session: 'ab'.repeat(16),
    sentAtUs,
    heldUs: 1,
  }));
  const most = { ...slot, from: 'n'.repeat(63), echoes };
  assert.deepEqual(openSlot(key, DISK_ID, sealSlot(key, most)), most);
});

test('nothing that was changed is believed: damage is told from forgery', () => {
  const whole = sealSlot(key, slot);
  fc.assert(
    fc.property(fc.nat(SHARED_SECTOR_BYTES - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const sector = Buffer.from(whole);
      sector.writeUInt8(sector.readUInt8(at) ^ change, at);
      const opened = openSlot(key, DISK_ID, sector);
      assert.ok(opened === 'malformed' || opened === 'version', `byte ${at}`);
      sector.writeUInt32LE(crc32c(sector.subarray(16)), 12);
      if (at >= 16) assert.equal(openSlot(key, DISK_ID, sector), 'forged', `byte ${at} with its checksum`);
    }),
  );
  assert.equal(openSlot(createSecretKey(Buffer.alloc(32, 2)), DISK_ID, whole), 'forged');
  assert.equal(openSlot(key, 'd2'.repeat(16), whole), 'foreign');
  assert.equal(openSlot(key, DISK_ID, Buffer.alloc(SHARED_SECTOR_BYTES)), undefined, 'blank');
  assert.equal(openSlot(key, DISK_ID, whole.subarray(0, 512)), 'malformed');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: SHARED_SECTOR_BYTES }), (bytes) => {
      const opened = openSlot(key, DISK_ID, Buffer.from(bytes));
      assert.ok(opened === undefined || typeof opened === 'string');
    }),
  );
});

test('the header, and what is free', () => {
  const header = { diskId: DISK_ID, clusterId: CLUSTER_ID };
  const sector = encodeBoardHeader(header);
  assert.equal(
    sector.toString('hex', 0, 32),
    `455445524e48424401000000${sector.toString('hex', 12, 16)}${DISK_ID}`,
  );
  assert.deepEqual(decodeBoardHeader(sector), header);
  sector.writeUInt8(1, 4000);
  assert.equal(decodeBoardHeader(sector), undefined);
  assert.equal(slotOffset(63) + SHARED_SECTOR_BYTES, BOARD_END);
  const area = Buffer.alloc(BOARD_END);
  assert.ok(isFree(area));
  newTieArea('~tie#1', ['n1', 'n2']).copy(area);
  assert.ok(isFree(area), 'beside a tie-breaker');
  for (const at of [1024, 20_000, BOARD_FROM, BOARD_END - 1]) {
    const used = Buffer.alloc(BOARD_END);
    used.writeUInt8(1, at);
    assert.ok(!isFree(used), `byte ${at}`);
  }
});
