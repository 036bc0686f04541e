import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  MAX_SEGMENT_BYTES,
  SEGMENT_HEADER_BYTES,
  SegmentDecoder,
  encodeAck,
  encodeData,
} from '../../../src/protocol/paths/segment.ts';

function decode(chunks: readonly Buffer[]): {
  readonly seen: readonly string[];
  readonly error: string | undefined;
} {
  const seen: string[] = [];
  let error: string | undefined;
  const decoder = new SegmentDecoder(
    (segment) =>
      seen.push(
        segment.kind === 'ack'
          ? `ack ${segment.delivered}`
          : `data ${segment.position} ${segment.data.toString('latin1')}`,
      ),
    ({ message }) => (error = message),
  );
  for (const chunk of chunks) decoder.push(chunk);
  return { seen, error };
}

const data = (position: number, text: string): Buffer =>
  encodeData(position, [Buffer.from(text)], text.length);

describe('segments of a session over several connections', () => {
  it('have the layout that the comment says', () => {
    const bytes = encodeData(0x01_0203_0405, [Buffer.from('ab'), Buffer.from('c')], 3);
    assert.equal(bytes.toString('hex', 0, 20), '4574506146000000050403020100000003000000');
    assert.equal(bytes.toString('latin1', SEGMENT_HEADER_BYTES), 'abc');
  });

  it('are the same however the bytes are cut', () => {
    const bytes = Buffer.concat([data(0, 'first'), encodeAck(77), data(5, 'second'), encodeAck(78)]);
    const expected = ['data 0 first', 'ack 77', 'data 5 second', 'ack 78'];
    assert.deepEqual(decode([bytes]).seen, expected);
    assert.deepEqual(decode([...bytes].map((byte) => Buffer.of(byte))).seen, expected);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length }), { maxLength: 8 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.deepEqual(decode(chunks).seen, expected);
      }),
    );
  });

  it('end the connection when a header is not right, and stay ended', () => {
    const changed = (at: number, to: number): Buffer => {
      const bytes = Buffer.from(data(0, 'x'));
      bytes[at] = to;
      return bytes;
    };
    assert.match(decode([changed(0, 0)]).error ?? '', /no piece/);
    assert.match(decode([changed(8, 1)]).error ?? '', /checksum/);
    assert.match(decode([encodeData(0, [Buffer.alloc(0)], 0)]).error ?? '', /type 70 with 0 bytes/);
    const tooLong = encodeData(0, [], MAX_SEGMENT_BYTES + 1);
    assert.match(decode([tooLong.subarray(0, SEGMENT_HEADER_BYTES)]).error ?? '', /131073 bytes/);
    assert.deepEqual(decode([changed(0, 0), data(0, 'late')]).seen, []);
  });
});
