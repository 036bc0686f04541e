import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_GATHERED_BYTES } from '@eterne/target/limits.ts';
import { PduOutput } from '@eterne/target/session/output.ts';

const HEADER_BYTES = 48;
const mark = (into: Buffer, at: number, value: number): void => void into.writeUInt8(value, at);

/** The first byte of every header in `pieces`. */
const marks = (pieces: readonly Buffer[]): number[] => {
  const all = Buffer.concat(pieces);
  return Array.from({ length: all.length / HEADER_BYTES }, (_, index) => all.readUInt8(index * HEADER_BYTES));
};

test('memory that the stream has sent is used again, what it still has is not touched', () => {
  const output = new PduOutput();
  output.pdu(mark, 1);
  const first = output.take();
  output.settle(HEADER_BYTES);
  output.pdu(mark, 2);
  const second = output.take();
  assert.deepEqual(marks(first), [1]);
  assert.deepEqual(marks(second), [2]);
  output.settle(0);
  output.pdu(mark, 3);
  const [third] = output.take();
  assert.equal(third?.byteOffset, first[0]?.byteOffset);
  assert.deepEqual(marks(second), [2]);
});

test('who waits for PDUs to leave hears it when they have', () => {
  const output = new PduOutput();
  const heard: string[] = [];
  output.pdu(mark, 1);
  output.whenSent(() => heard.push('first'));
  output.pdu(mark, 2);
  output.whenSent(() => heard.push('second'));
  output.take();
  output.settle(2 * HEADER_BYTES);
  assert.deepEqual(heard, []);
  output.settle(HEADER_BYTES);
  assert.deepEqual(heard, ['first']);
  output.settle(0);
  assert.deepEqual(heard, ['first', 'second']);
});

test('it is full with so much that must leave first', () => {
  const output = new PduOutput();
  output.pdu(mark, 1, Buffer.alloc(MAX_GATHERED_BYTES - 2 * HEADER_BYTES));
  assert.ok(!output.isFull);
  output.pdu(mark, 2);
  assert.ok(output.isFull);
  output.take();
  assert.ok(!output.isFull);
});
