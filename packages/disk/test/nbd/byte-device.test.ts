import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { ByteDevice } from '../../src/nbd/byte-device.ts';
import { MAX_RANGE_BYTES } from '../../src/nbd/limits.ts';
import { MemoryDevice } from '../support/memory-device.ts';

const SIZE = 16 * 512;
const never = (): void => assert.fail('must not be answered yet');

describe('byte-granular device', () => {
  it('does not lose a whole-sector write to a read-modify-write of its sector', () => {
    const device = new MemoryDevice(SIZE);
    const bytes = new ByteDevice(device);
    const answered: string[] = [];
    bytes.write(10, Buffer.from('part'), false, () => answered.push('part'));
    bytes.write(0, Buffer.alloc(512, 'w'), false, () => answered.push('whole'));
    assert.deepEqual(
      device.pending.map(({ kind }) => kind),
      ['read'],
      'the later whole write waits',
    );
    device.finish();
    device.finish();
    device.finish();
    assert.deepEqual(answered, ['part', 'whole']);
    assert.equal(device.content.toString('latin1', 0, 512), 'w'.repeat(512));
  });

  it('lets a read-modify-write wait for the whole-sector writes before it', () => {
    const device = new MemoryDevice(SIZE);
    const bytes = new ByteDevice(device);
    bytes.write(0, Buffer.alloc(512, 'w'), false, () => {});
    bytes.write(1, Buffer.from('p'), false, () => {});
    assert.equal(device.pending.length, 1);
    device.finish();
    device.finish();
    device.finish();
    assert.equal(device.content.toString('latin1', 0, 3), 'wpw');
  });

  it('hands a device error of either half to the writer and goes on with the next change', () => {
    const device = new MemoryDevice(SIZE);
    const bytes = new ByteDevice(device);
    const errors: string[] = [];
    bytes.write(1, Buffer.from('a'), false, (error) => errors.push(error ?? 'none'));
    bytes.write(1, Buffer.from('b'), false, (error) => errors.push(error ?? 'none'));
    device.finish(0, 'EIO');
    device.finish();
    device.finish(0, 'ENOSPC');
    assert.deepEqual(errors, ['EIO', 'ENOSPC']);
    bytes.write(0, Buffer.alloc(512), false, (error) => errors.push(error ?? 'none'));
    device.finish();
    assert.deepEqual(errors, ['EIO', 'ENOSPC', 'none']);
  });

  it('cuts long ranges into bounded pieces, one after the other', () => {
    const device = new MemoryDevice(MAX_RANGE_BYTES * 2 + 512);
    const bytes = new ByteDevice(device);
    let answered = false;
    bytes.discard(0, device.sizeBytes, () => (answered = true));
    const lengths = [];
    while (device.pending.length > 0) {
      assert.equal(device.pending.length, 1);
      lengths.push(device.pending[0]?.lengthBytes);
      device.finish();
    }
    assert.deepEqual(lengths, [MAX_RANGE_BYTES, MAX_RANGE_BYTES, 512]);
    assert.equal(answered, true);
  });

  it('ignores a discard of less than a sector', () => {
    const device = new MemoryDevice(SIZE);
    let answered = false;
    new ByteDevice(device).discard(100, 900, () => (answered = true));
    assert.equal(answered, true);
    assert.equal(device.pending.length, 0);
  });

  const change = fc.record({
    kind: fc.constantFrom('write', 'zeroes'),
    offset: fc.nat(SIZE - 1),
    lengthBytes: fc.integer({ min: 1, max: 2000 }),
    sectors: fc.boolean(),
    fill: fc.integer({ min: 1, max: 255 }),
  });

  it('ends with what the changes wrote in order, in whatever order the device finishes', () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 12 }),
        fc.infiniteStream(fc.nat(1000)),
        (changes, choices) => {
          const device = new MemoryDevice(SIZE);
          const bytes = new ByteDevice(device);
          const model = Buffer.alloc(SIZE);
          let answered = 0;
          for (const { kind, offset, lengthBytes, sectors, fill } of changes) {
            const unit = sectors ? 512 : 1;
            const start = Math.floor(offset / unit) * unit;
            const length = Math.min(SIZE - start, Math.ceil(lengthBytes / unit) * unit);
            // Overlapping changes in flight have no order: each is finished before the next begins.
            model.fill(kind === 'write' ? fill : 0, start, start + length);
            const done = (error: string | undefined): void => {
              assert.equal(error, undefined);
              answered += 1;
            };
            if (kind === 'write') bytes.write(start, Buffer.alloc(length, fill), false, done);
            else bytes.writeZeroes(start, length, true, false, done);
            while (device.pending.length > 0)
              device.finish((choices.next().value ?? 0) % device.pending.length);
          }
          assert.equal(answered, changes.length);
          assert.deepEqual(device.content, model);
        },
      ),
    );
  });

  it('keeps neighbours of concurrent part-sector changes', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...Array(64).keys()], { minLength: 64 }),
        fc.infiniteStream(fc.nat(1000)),
        (order, choices) => {
          const device = new MemoryDevice(SIZE);
          const bytes = new ByteDevice(device);
          for (const index of order) {
            if (index % 8 === 0)
              bytes.write(8 * 512 + (index / 8) * 512, Buffer.alloc(512, 9), false, () => {});
            else bytes.write(index * 50, Buffer.alloc(50, index + 1), false, () => {});
          }
          while (device.pending.length > 0)
            device.finish((choices.next().value ?? 0) % device.pending.length);
          for (const index of order) {
            const at = index % 8 === 0 ? 8 * 512 + (index / 8) * 512 : index * 50;
            assert.equal(device.content[at], index % 8 === 0 ? 9 : index + 1);
          }
        },
      ),
    );
  });

  it('reads any range', () => {
    const device = new MemoryDevice(SIZE, { immediate: true });
    for (let at = 0; at < SIZE; at += 1) device.content[at] = at % 251;
    const bytes = new ByteDevice(device);
    fc.assert(
      fc.property(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }), (offset, wanted) => {
        const lengthBytes = Math.min(wanted, SIZE - offset);
        let data: Buffer | undefined;
        bytes.read(offset, lengthBytes, (_error, found) => (data = found));
        assert.deepEqual(data, device.content.subarray(offset, offset + lengthBytes));
      }),
    );
  });

  it('does not answer before the device does', () => {
    const device = new MemoryDevice(SIZE);
    const bytes = new ByteDevice(device);
    bytes.write(0, Buffer.alloc(512), true, never);
    bytes.write(3, Buffer.alloc(5), true, never);
    bytes.flush(never);
    assert.deepEqual(
      device.pending.map(({ kind }) => kind),
      ['write', 'flush'],
    );
  });
});
