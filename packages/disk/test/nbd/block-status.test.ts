import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Extent } from '@eterne/runtime';
import { blockStatus } from '../../src/nbd/block-status.ts';
import { ByteDevice } from '../../src/nbd/byte-device.ts';
import { MAX_STATUS_LOOKUPS } from '../../src/nbd/limits.ts';
import { MemoryDevice } from '../support/memory-device.ts';

/** `.`: a hole, `#`: data; one letter a sector. */
class PatternDevice extends MemoryDevice {
  readonly #pattern: string;

  constructor(pattern: string) {
    super(pattern.length * 512);
    this.#pattern = pattern;
  }

  nextExtent(offset: number, done: (error: undefined, extent: Extent) => void): void {
    const at = offset / 512;
    assert.ok(Number.isInteger(at), 'asked for whole sectors');
    const kind = this.#pattern[at];
    let end = at;
    while (this.#pattern[end] === kind) end += 1;
    done(undefined, { lengthBytes: (end - at) * 512, allocated: kind === '#' });
  }
}

function ask(device: MemoryDevice, offset: number, lengthBytes: number, onlyOne = false): readonly Extent[] {
  let answer: readonly Extent[] | undefined;
  blockStatus(new ByteDevice(device), offset, lengthBytes, onlyOne, (error, extents) => {
    assert.equal(error, undefined);
    answer = extents;
  });
  assert.ok(answer !== undefined);
  return answer;
}

const data = (lengthBytes: number): Extent => ({ lengthBytes, allocated: true });
const hole = (lengthBytes: number): Extent => ({ lengthBytes, allocated: false });

describe('block status', () => {
  it('tells data from holes and ends with the range', () => {
    const device = new PatternDevice('##..#...');
    assert.deepEqual(ask(device, 0, 4096), [data(1024), hole(1024), data(512), hole(1536)]);
    assert.deepEqual(ask(device, 512, 1024), [data(512), hole(512)]);
    assert.deepEqual(ask(device, 0, 4096, true), [data(1024)]);
  });

  it('begins and ends within sectors', () => {
    const device = new PatternDevice('#.#');
    assert.deepEqual(ask(device, 10, 1000), [data(502), hole(498)]);
    assert.deepEqual(ask(device, 600, 1), [hole(1)]);
  });

  it('counts everything as data where the device cannot tell', () => {
    assert.deepEqual(ask(new MemoryDevice(4096), 100, 3000), [data(3000)]);
  });

  it('answers a part when there are too many extents, never nothing', () => {
    const device = new PatternDevice('#.'.repeat(MAX_STATUS_LOOKUPS));
    assert.equal(ask(device, 0, device.sizeBytes).length, MAX_STATUS_LOOKUPS);
  });
});
