import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EterneError } from '@eterne/base';
import type { Stream, StreamHandler } from '@eterne/runtime';
import * as fc from 'fast-check';
import { PathBundle } from '../../../src/engine/link/path-bundle.ts';
import { encodeData } from '../../../src/protocol/paths/segment.ts';
import { WINDOW_BYTES } from '../../../src/protocol/paths/send-window.ts';
import { Scheduler, portsOf } from '../support/scheduler.ts';

/** One end of a wire. `isDark`: bytes vanish, and nobody is told. */
class Wire implements Stream {
  readonly localAddress = 'here';
  readonly remoteAddress: string;
  readonly bufferedBytes = 0;
  other: Wire | undefined;
  isDark = false;
  latencyMs = 1;
  carriedBytes = 0;
  readonly #scheduler: Scheduler;
  #handler: StreamHandler | undefined;
  readonly #early: Buffer[] = [];
  #closed = false;

  constructor(scheduler: Scheduler, name: string) {
    this.#scheduler = scheduler;
    this.remoteAddress = name;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.#scheduler.at(0, () => {
      for (const bytes of this.#early.splice(0)) handler.onData(bytes);
    });
  }

  write(chunk: Buffer): boolean {
    if (this.#closed || this.isDark) return true;
    this.carriedBytes += chunk.length;
    const bytes = Buffer.from(chunk);
    this.#scheduler.at(this.latencyMs, () => this.other?.arrive(bytes));
    return true;
  }

  arrive(bytes: Buffer): void {
    if (this.#closed || this.isDark) return;
    if (this.#handler === undefined) this.#early.push(bytes);
    else
      for (const part of [bytes.subarray(0, 10), bytes.subarray(10)])
        if (part.length > 0) this.#handler.onData(part);
  }

  cork(): void {}
  uncork(): void {}
  pauseReading(): void {}
  resumeReading(): void {}

  end(): void {
    this.#scheduler.at(this.latencyMs, () => this.other?.gone());
    this.gone();
  }

  destroy(): void {
    this.end();
  }

  gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#scheduler.at(0, () => this.#handler?.onClose(undefined));
  }
}

class Two {
  readonly scheduler = new Scheduler();
  readonly wires: Wire[] = [];
  readonly left: PathBundle;
  readonly right: PathBundle;
  readonly #received: Buffer[] = [];
  receivedLeft = Buffer.alloc(0);
  closed: string[] = [];

  constructor() {
    const { timers } = portsOf(this.scheduler, () => false);
    const [near, far] = this.#wire();
    this.left = new PathBundle('x', near, timers, true);
    this.right = new PathBundle('x', far, timers, false);
    this.left.start(
      this.#handler((data) => (this.receivedLeft = Buffer.concat([this.receivedLeft, data])), 'left'),
    );
    this.right.start(this.#handler((data) => this.#received.push(Buffer.from(data)), 'right'));
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  addPath(): void {
    const [near, far] = this.#wire();
    this.right.join(far);
    this.left.join(near);
  }

  #wire(): [Wire, Wire] {
    const name = `path ${this.wires.length}`;
    const [near, far] = [new Wire(this.scheduler, name), new Wire(this.scheduler, name)];
    near.other = far;
    far.other = near;
    this.wires.push(near);
    return [near, far];
  }

  cut(index: number): void {
    const wire = this.wires[index];
    if (wire?.other !== undefined) wire.isDark = wire.other.isDark = true;
  }

  #handler(onData: (data: Buffer) => void, name: string): StreamHandler {
    return {
      onData,
      onDrain: () => {},
      onClose: (error: EterneError | undefined) => this.closed.push(`${name} ${error?.message ?? 'ended'}`),
    };
  }
}

function numbered(bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) content.writeUInt32LE(at, at);
  return content;
}

describe('several connections as one stream', () => {
  it('carry bytes both ways, over all of them', () => {
    const two = new Two();
    two.addPath();
    two.addPath();
    two.scheduler.runFor(10);
    const sent = numbered(3_000_000);
    two.left.write(sent);
    two.right.write(Buffer.from('back'));
    two.scheduler.runFor(100);
    assert.ok(two.received.equals(sent));
    assert.equal(two.receivedLeft.toString(), 'back');
    for (const { carriedBytes } of two.wires) assert.ok(carriedBytes > 500_000, `${carriedBytes} bytes`);
    assert.deepEqual(two.left.addresses, ['path 0', 'path 1', 'path 2']);
  });

  it('lose nothing when one dies silently, within a second', () => {
    const two = new Two();
    two.addPath();
    two.scheduler.runFor(600);
    two.cut(0);
    const sent = numbered(2_000_000);
    two.left.write(sent);
    two.scheduler.runFor(1000);
    assert.ok(two.received.equals(sent));
    assert.deepEqual(two.left.addresses, ['path 1']);
    assert.deepEqual(two.closed, []);
  });

  it('end when the last of them does', () => {
    const two = new Two();
    two.addPath();
    two.scheduler.runFor(10);
    two.left.write(Buffer.from('last words'));
    two.left.end();
    two.scheduler.runFor(50);
    assert.equal(two.received.toString(), 'last words');
    assert.deepEqual(two.closed.sort(), ['left ended', 'right ended']);
  });

  it('hold what was not read yet, up to the window', () => {
    const two = new Two();
    two.scheduler.runFor(10);
    two.right.pauseReading();
    const sent = numbered(2 * WINDOW_BYTES);
    two.left.write(sent);
    two.scheduler.runFor(2000);
    assert.equal(two.received.length, 0);
    assert.ok((two.wires[0]?.carriedBytes ?? 0) < WINDOW_BYTES + 100_000, 'no more than the window was sent');
    two.right.resumeReading();
    two.scheduler.runFor(2000);
    assert.ok(two.received.equals(sent));
  });

  it('end when the other side breaks the rules', () => {
    const two = new Two();
    two.scheduler.runFor(10);
    two.wires[0]?.write(encodeData(WINDOW_BYTES, [Buffer.from('x')], 1));
    two.scheduler.runFor(50);
    assert.match(two.closed.join(), /right beyond the window/);
  });

  it('deliver every byte once and in order through any deaths, delays and pauses', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 400_000 }) }),
      fc.record({ kind: fc.constantFrom('cut' as const, 'close' as const), path: fc.nat(5) }),
      fc.record({
        kind: fc.constant('slow' as const),
        path: fc.nat(5),
        latencyMs: fc.integer({ min: 0, max: 200 }),
      }),
      fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const, 'add' as const) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 500 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const two = new Two();
        // One connection that nothing happens to, so that the bundle lives; it joins last, so its number is out of reach.
        const sent: Buffer[] = [];
        for (let extra = 0; extra < 6; extra += 1) two.addPath();
        two.scheduler.runFor(10);
        for (const action of steps) {
          const wire = 'path' in action ? two.wires[action.path] : undefined;
          if (action.kind === 'write') {
            const bytes = numbered(action.bytes).fill(sent.length % 256, 0, 1);
            sent.push(bytes);
            two.left.write(bytes);
          } else if (action.kind === 'cut') two.cut(action.path);
          else if (action.kind === 'close') wire?.destroy();
          else if (action.kind === 'slow' && wire !== undefined) wire.latencyMs = action.latencyMs;
          else if (action.kind === 'pause') two.right.pauseReading();
          else if (action.kind === 'resume') two.right.resumeReading();
          else if (action.kind === 'add') two.addPath();
          else if (action.kind === 'wait') two.scheduler.runFor(action.ms);
        }
        two.right.resumeReading();
        two.scheduler.runFor(3000);
        assert.ok(two.received.equals(Buffer.concat(sent)));
        assert.deepEqual(two.closed, []);
      }),
      { numRuns: 60 },
    );
  });
});
