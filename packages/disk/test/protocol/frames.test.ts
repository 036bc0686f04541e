import { BufferSlabs } from '../../src/engine/buffer-slabs.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { crc32c } from '@eterne/base';
import type { Stream, Timers } from '@eterne/runtime';
import { FrameDecoder } from '../../src/protocol/frame-decoder.ts';
import { FrameSender } from '../../src/protocol/frame-sender.ts';
import { decodeFetch, decodeFetched, sendFetch, sendFetched } from '../../src/protocol/messages/fetch.ts';
import { sendWrite } from '../../src/protocol/messages/write.ts';
import {
  FrameType,
  HEADER_BYTES,
  encodeHeader,
  encodePreface,
  maxBodyBytes,
} from '../../src/protocol/wire.ts';

const SESSION = 0x01020304;

/** A stream that keeps what it is given, and timers whose `afterEvent` runs when the test says so. */
function harness(): { stream: Stream; timers: Timers; turn: () => void; sent: () => Buffer } {
  const chunks: Buffer[] = [];
  let due: (() => void)[] = [];
  const stream = {
    bufferedBytes: 0,
    cork: () => {},
    uncork: () => {},
    write: (chunk: Buffer) => chunks.push(Buffer.from(chunk)) > 0,
  } as unknown as Stream;
  const timers = { afterEvent: (fire: () => void) => void due.push(fire) } as unknown as Timers;
  const turn = (): void => {
    const now = due;
    due = [];
    for (const fire of now) fire();
  };
  return { stream, timers, turn, sent: () => Buffer.concat(chunks) };
}

interface Sent {
  readonly type: FrameType;
  readonly body: Buffer;
}

function encode(frames: readonly Sent[], compresses = false, checksData = true): Buffer {
  const { stream, timers, turn, sent } = harness();
  const sender = new FrameSender(stream, timers, SESSION, { compresses, checksData });
  for (const { type, body } of frames) {
    const fixed = Math.min(body.length, 16);
    const at = sender.begin(type, fixed);
    body.copy(sender.slab, at, 0, fixed);
    if (body.length > fixed) sender.end(body.subarray(fixed));
    else sender.end();
  }
  turn();
  return sent();
}

function decode(
  bytes: Buffer,
  cuts: (left: number) => number,
): { frames: Sent[]; error: string | undefined } {
  const frames: Sent[] = [];
  let error: string | undefined;
  const decoder = new FrameDecoder(
    new BufferSlabs(),
    ({ type, body }) => frames.push({ type, body: Buffer.from(body) }),
    (problem) => (error = problem.message),
  );
  for (let at = 0; at < bytes.length;) {
    const length = Math.max(1, Math.min(cuts(bytes.length - at), bytes.length - at));
    // A copy that is wiped afterwards: nothing may be kept of a chunk but copies.
    const chunk = Buffer.from(bytes.subarray(at, at + length));
    decoder.push(chunk);
    chunk.fill(0xee);
    at += length;
  }
  return { frames, error };
}

const frame = fc
  .record({
    type: fc.constantFrom(...Object.values(FrameType)),
    size: fc.oneof(fc.nat(64), fc.nat(5000), fc.nat(200_000)),
    fill: fc.nat(255),
  })
  .map(({ type, size, fill }): Sent => {
    const length = Math.min(size, maxBodyBytes(type) ?? 0);
    return { type, body: Buffer.alloc(length, fill) };
  });

describe('frames', () => {
  test('come out as they went in, however the stream cuts them', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 12 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 70_000 })),
        (sent, cuts) => {
          const { frames, error } = decode(encode(sent), () => cuts.next().value as number);
          assert.equal(error, undefined);
          assert.deepEqual(frames, sent);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('byte by byte', () => {
    const sent = [
      { type: FrameType.ping, body: Buffer.alloc(0) },
      { type: FrameType.write, body: Buffer.alloc(528, 3) },
    ] as const;
    assert.deepEqual(decode(encode(sent), () => 1).frames, sent);
  });

  test('any flipped bit is noticed, and nothing comes out after it', () => {
    const sent = [0, 1, 2].map((fill) => ({ type: FrameType.write, body: Buffer.alloc(100, fill) }));
    const bytes = encode(sent);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const bad = Buffer.from(bytes);
        bad[at] = (bad[at] as number) ^ (1 << bit);
        const { frames } = decode(bad, (left) => left);
        assert.deepEqual(frames, sent.slice(0, Math.floor(at / (HEADER_BYTES + 100))));
      }),
    );
  });

  test('any garbage fails at once or waits for more, without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        const { frames } = decode(Buffer.from(garbage), (left) => left);
        assert.deepEqual(frames, []);
      }),
    );
  });

  test('a frame of another session, a repeated frame and a huge length are refused', () => {
    const one = encode([{ type: FrameType.ping, body: Buffer.alloc(0) }]);
    assert.match(decode(Buffer.concat([one, one]), (left) => left).error ?? '', /out of sequence/);
    const foreign = Buffer.from(encode([0, 0].map(() => ({ type: FrameType.ping, body: Buffer.alloc(0) }))));
    foreign.writeUInt32LE(9, HEADER_BYTES + 12);
    foreign.writeUInt32LE(crc32c(foreign.subarray(HEADER_BYTES, HEADER_BYTES + 28)), HEADER_BYTES + 28);
    assert.match(decode(foreign, (left) => left).error ?? '', /another session/);
    const huge = Buffer.from(one);
    huge.writeUInt32LE(0xffff_ffff, 8);
    huge.writeUInt32LE(crc32c(huge.subarray(0, 28)), 28);
    assert.match(decode(huge, (left) => left).error ?? '', /body of 4294967295/);
  });

  test('held frames wait, whatever comes meanwhile, and go on in order', () => {
    const sent = Array.from({ length: 40 }, (_, index) => ({
      type: FrameType.write,
      // Some have memory of their own.
      body: Buffer.alloc(index % 8 === 7 ? 64 * 1024 + index * 1997 : 1 + index * 97, index),
    }));
    const bytes = encode(sent);
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.integer({ min: 1, max: 900 })),
        fc.infiniteStream(fc.nat(4)),
        (cuts, coin) => {
          const frames: number[] = [];
          const memory = new BufferSlabs();
          const decoder = new FrameDecoder(
            memory,
            ({ body, isOwned }) => {
              assert.equal(decoder.held, false);
              assert.ok(body.every((byte) => byte === frames.length));
              frames.push(body.length);
              if (isOwned) memory.give(body);
              if (coin.next().value === 0) decoder.hold();
            },
            (error) => assert.fail(error.message),
          );
          for (let at = 0; at < bytes.length;) {
            const length = Math.min((cuts.next().value as number) ** 2, bytes.length - at);
            // As a stream does that reads to where it is told.
            const { room } = decoder;
            const chunk = room === undefined ? Buffer.alloc(length) : room.subarray(0, length);
            at += bytes.copy(chunk, 0, at, at + length);
            decoder.push(chunk);
            if (room === undefined) chunk.fill(0xee);
            if (decoder.held && coin.next().value !== 0) decoder.release();
          }
          while (decoder.held) decoder.release();
          assert.deepEqual(
            frames,
            sent.map(({ body }) => body.length),
          );
        },
      ),
    );
  });
});

describe('the wire', () => {
  test('a WRITE, byte for byte', () => {
    const { stream, timers, turn, sent } = harness();
    const options = { compresses: false, checksData: true };
    sendWrite(new FrameSender(stream, timers, SESSION, options), 5, 4096, Buffer.alloc(512, 0xab));
    turn();
    const bytes = sent();
    assert.equal(
      bytes.subarray(0, 24).toString('hex'),
      ['45744d72', '10', '01', '0000', '10020000', '04030201', '0000000000000000'].join(''),
    );
    assert.equal(bytes.readUInt32LE(24), crc32c(bytes.subarray(32)));
    assert.equal(bytes.readUInt32LE(28), crc32c(bytes.subarray(0, 28)));
    assert.equal(bytes.subarray(32, 48).toString('hex'), '05000000000000000010000000000000');
    assert.ok(bytes.subarray(48).equals(Buffer.alloc(512, 0xab)));
  });

  test('a WRITE whose data has no checksum', () => {
    const { stream, timers, turn, sent } = harness();
    const options = { compresses: false, checksData: false };
    sendWrite(new FrameSender(stream, timers, SESSION, options), 5, 4096, Buffer.alloc(512, 0xab));
    turn();
    const bytes = sent();
    assert.equal(
      bytes.subarray(0, 16).toString('hex'),
      ['45744d72', '10', '00', '1000', '10020000', '04030201'].join(''),
    );
    assert.equal(bytes.readUInt32LE(24), crc32c(bytes.subarray(32, 48)));
    assert.equal(decode(bytes, (left) => left).frames.length, 1);
    const changed = (at: number): string | undefined => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return decode(copy, (left) => left).error;
    };
    assert.match(changed(40) ?? '', /checksum/, 'a changed offset is found');
    assert.equal(changed(100), undefined, 'changed data is left to the wire');
  });

  test('a FETCH and its FETCHED, byte for byte, and back', () => {
    const { stream, timers, turn, sent } = harness();
    const sender = new FrameSender(stream, timers, SESSION, { compresses: false, checksData: true });
    const data = Buffer.alloc(512, 0xcd);
    sendFetch(sender, { id: 7, offset: 0x12000, lengthBytes: 0x800000 });
    sendFetched(sender, 7, { kind: 'data', lengthBytes: 512, data });
    for (const kind of ['zero', 'unused'] as const) sendFetched(sender, 8, { kind, lengthBytes: 0x40000 });
    sendFetched(sender, 9, { kind: 'failed', lengthBytes: 0 });
    turn();
    const { frames } = decode(sent(), (left) => left);
    assert.deepEqual(
      frames.map(({ body, type }) => [type, body.subarray(0, 20).toString('hex')]),
      [
        [62, '0700000000000000002001000000000000008000'],
        [63, '07000000000000000000000000020000cdcdcdcd'],
        [63, '08000000000000000100000000000400'],
        [63, '08000000000000000200000000000400'],
        [63, '09000000000000000300000000000000'],
      ],
    );
    assert.deepEqual(decodeFetch(frames[0]?.body ?? data, 1 << 30), {
      id: 7,
      offset: 0x12000,
      lengthBytes: 0x800000,
    });
    assert.deepEqual(decodeFetched(frames[1]?.body ?? data), {
      id: 7,
      fetched: { kind: 'data', lengthBytes: 512, data },
    });
    assert.deepEqual([FrameType.serveAsk, maxBodyBytes(FrameType.serveAsk)], [58, 0]);
  });

  test('the preface', () => {
    assert.equal(encodePreface('v0', 'a').toString(), 'ETERNE-MIRROR/1 v0 a\n');
  });

  test('one write leaves a turn, however many frames it holds', () => {
    const { stream, timers, turn } = harness();
    let writes = 0;
    stream.write = () => (writes += 1) > 0;
    const sender = new FrameSender(stream, timers, SESSION, { compresses: false, checksData: false });
    for (let index = 0; index < 20; index += 1) sendWrite(sender, index, 0, Buffer.alloc(4096));
    turn();
    assert.equal(writes, 1);
  });

  test('compressed bodies come out as they went in; what does not shrink goes as it is', () => {
    const text = Buffer.from('the same words again and again. '.repeat(4000));
    const noise = Buffer.alloc(8000);
    for (let at = 0, state = 7; at < noise.length; at += 1) {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      noise[at] = state >>> 16;
    }
    const frames = [text, noise, Buffer.from('short'.repeat(10)), text].map((body) => ({
      type: FrameType.write,
      body,
    }));
    const bytes = encode(frames, true);
    assert.ok(bytes.length < noise.length + 2000, `${bytes.length} bytes`);
    assert.deepEqual(decode(bytes, () => 777).frames, frames);
    assert.deepEqual(decode(bytes, (left) => left).frames, frames);
  });

  test('a compressed body that is none, or would grow beyond its bound, ends the link', () => {
    const cap = maxBodyBytes(FrameType.bye) ?? 0;
    for (const body of [Buffer.from('not zstd'), zstdCompressSync(Buffer.alloc(cap + 1))]) {
      const frame = Buffer.alloc(HEADER_BYTES + body.length);
      encodeHeader(
        frame,
        0,
        FrameType.bye,
        body.length,
        SESSION,
        0,
        { value: crc32c(body), coveredBytes: body.length },
        true,
      );
      body.copy(frame, HEADER_BYTES);
      const { frames, error } = decode(frame, (left) => left);
      assert.deepEqual(frames, []);
      assert.match(error ?? '', /cannot be decompressed/);
    }
  });
});
