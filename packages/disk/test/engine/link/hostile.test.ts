import { BufferSlabs } from '../../../src/engine/buffer-slabs.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Stream } from '@eterne/runtime';
import { FrameDecoder } from '../../../src/protocol/frame-decoder.ts';
import { FrameSender } from '../../../src/protocol/frame-sender.ts';
import { decodeHello, encodeHello } from '../../../src/protocol/messages/hello.ts';
import { FrameType, maxBodyBytes } from '../../../src/protocol/wire.ts';
import { BLOCK, Pair } from '../support/pair.ts';
import { portsOf } from '../support/scheduler.ts';

/** Somebody who reaches b's port and speaks as a would, up to a point. */
class Intruder {
  readonly pair: Pair;
  #stream: Stream | undefined;
  #sender: FrameSender | undefined;
  closed = false;

  constructor() {
    this.pair = new Pair().startMirror();
    this.pair.write(this.pair.a, 1, 0x11);
    this.pair.a.kill();
    this.pair.until(() => this.pair.b.volume.status().peers[0]?.connection === 'Connecting');
  }

  /** Connects and answers b's HELLO with b's own view of a, so that the handshake succeeds. */
  connect(): void {
    const { pair } = this;
    const { timers } = portsOf(pair.scheduler, () => false);
    this.#stream?.destroy();
    pair.scheduler.runFor(5);
    this.closed = false;
    this.#sender = undefined;
    let isGreeted = false;
    const decoder = new FrameDecoder(
      new BufferSlabs(),
      ({ type, body }) => {
        if (type !== FrameType.hello || this.#stream === undefined) return;
        const { summary } = decodeHello(body);
        this.#sender = new FrameSender(this.#stream, timers, decoder.session ?? 0, {
          compresses: false,
          checksData: true,
        });
        const hello = {
          volume: 'v0',
          toNode: 'b',
          summary: { ...summary, node: 'a', witnessedIncarnation: 1 },
          follows: '',
          waitsWhenLost: false,
        };
        this.#sender.send(FrameType.hello, encodeHello(hello));
        isGreeted = true;
      },
      () => {},
    );
    pair.network
      .portOf(() => false)
      .connect('b', { timeoutMs: 1000 }, (result) => {
        const stream = result as Stream;
        this.#stream = stream;
        stream.start({
          onData: (chunk) => decoder.push(chunk),
          onDrain: () => {},
          onClose: () => (this.closed = true),
        });
        stream.write(Buffer.from('ETERNE-MIRROR/1 v0 a\n'));
      });
    pair.until(() => isGreeted);
    pair.scheduler.runFor(5);
  }

  frame(type: FrameType, body: Buffer): void {
    this.#sender?.send(type, body);
  }

  raw(bytes: Buffer): void {
    this.#stream?.write(bytes);
  }
}

describe('hostile bytes on a replication connection', () => {
  test('garbage instead of a HELLO: dropped, nothing else', () => {
    const intruder = new Intruder();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 400 }), (garbage) => {
        intruder.connect();
        intruder.raw(Buffer.from(garbage));
        intruder.pair.until(() => intruder.closed);
      }),
      { numRuns: 20 },
    );
    assert.equal(intruder.pair.b.data.content[BLOCK], 0x11);
  });

  test('well-formed frames with arbitrary bodies, after a good handshake: no crash, no byte of the volume changes', () => {
    const intruder = new Intruder();
    const { pair } = intruder;
    const before = Buffer.from(pair.b.data.content);
    const frame = fc.record({
      type: fc.constantFrom(...Object.values(FrameType)),
      body: fc.uint8Array({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 6 }), (frames) => {
        intruder.connect();
        for (const { type, body } of frames)
          intruder.frame(type, Buffer.from(body.subarray(0, maxBodyBytes(type))));
        pair.scheduler.runFor(20);
      }),
      { numRuns: 150 },
    );
    assert.ok(pair.b.data.content.equals(before));
    pair.a.start();
    pair.until(() => pair.isConnected());
  });

  test('a write of a node that is not primary is refused', () => {
    const intruder = new Intruder();
    intruder.connect();
    const body = Buffer.alloc(16 + 512, 0xff);
    body.fill(0, 0, 16);
    intruder.frame(FrameType.write, body);
    intruder.pair.until(() => intruder.closed);
    assert.equal(intruder.pair.b.data.content[0], 0);
  });
});
