/** Initiators handed on to the primary: nothing of theirs may arrive late. In virtual time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Stream, StreamHandler, World } from '@eterne/runtime';
import { ClientForward } from '../../src/process/front-channel.ts';
import { FrontFrames, frameHeader } from '../../src/process/front-frames.ts';
import { BEAT_MS, FrontStream, STALE_MS } from '../../src/process/front-stream.ts';
import { Scheduler, portsOf } from '../engine/support/scheduler.ts';
import { volumeConfig } from '../support/volume-config.ts';

/** One end of a connection. `holds`: what was written waits, and arrives when it holds no more. */
class Wire implements Stream {
  readonly localAddress = '127.0.0.1:3260';
  readonly remoteAddress = '127.0.0.1:40000';
  readonly bufferedBytes = 0;
  other: Wire | undefined;
  holds = false;
  latencyMs = 1;
  takes = true;
  isClosed = false;
  isPaused = false;
  readonly sent: Buffer[] = [];
  readonly #scheduler: Scheduler;
  #handler: StreamHandler | undefined;
  #held: Buffer[] = [];
  #inbox: Buffer[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.#scheduler.at(0, () => this.#deliver());
  }

  write(chunk: Buffer): boolean {
    if (this.isClosed) return true;
    const bytes = Buffer.from(chunk);
    this.sent.push(bytes);
    if (bytes.toString('latin1').startsWith('ETERNE-MIRROR/')) return true; // whoever accepts has read it
    if (this.holds) this.#held.push(bytes);
    else this.#scheduler.at(this.latencyMs, () => this.other?.arrive(bytes));
    return this.takes;
  }

  release(): void {
    this.holds = false;
    for (const bytes of this.#held.splice(0)) this.other?.arrive(bytes);
  }

  arrive(bytes: Buffer): void {
    this.#inbox.push(bytes);
    this.#deliver();
  }

  #deliver(): void {
    while (!this.isPaused && !this.isClosed && this.#handler !== undefined) {
      const bytes = this.#inbox.shift();
      if (bytes === undefined) return;
      this.#handler.onData(bytes);
    }
  }

  drain(): void {
    this.takes = true;
    this.#handler?.onDrain();
  }

  cork(): void {}
  uncork(): void {}

  pauseReading(): void {
    this.isPaused = true;
  }

  resumeReading(): void {
    this.isPaused = false;
    this.#deliver();
  }

  end(): void {
    this.#scheduler.at(this.latencyMs, () => this.other?.close());
    this.close();
  }

  destroy(): void {
    this.end();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#scheduler.at(0, () => this.#handler?.onClose(undefined));
  }
}

/** An initiator at node b, handed on to node a, which is primary and keeps what it is told. */
class Setting {
  readonly scheduler = new Scheduler();
  readonly initiator = new Wire(this.scheduler);
  readonly client = new Wire(this.scheduler);
  readonly near = new Wire(this.scheduler);
  readonly far = new Wire(this.scheduler);
  readonly forward: ClientForward;
  primary: FrontStream | undefined;
  told = '';
  heard = '';
  initiatorClosed = false;
  ended: 'refused' | 'forwarded' | undefined;
  primaryClosed = false;

  constructor(options: { answers?: boolean } = {}) {
    for (const [one, other] of [
      [this.initiator, this.client],
      [this.near, this.far],
    ] as const) {
      one.other = other;
      other.other = one;
    }
    const { clock, timers } = portsOf(this.scheduler, () => false);
    const world = {
      clock,
      timers,
      log: () => {},
      network: {
        connect: (_address: string, _options: unknown, done: (stream: Stream) => void) =>
          this.scheduler.at(1, () => done(this.near)),
      } as unknown as World['network'],
    };
    if (options.answers !== false) {
      this.primary = new FrontStream(this.far, { clock, timers }, { kind: 'primary' });
      this.primary.start({
        onData: (bytes) => (this.told += bytes.toString('latin1')),
        onDrain: () => {},
        onClose: () => (this.primaryClosed = true),
      });
    }
    this.initiator.start({
      onData: (bytes) => (this.heard += bytes.toString('latin1')),
      onDrain: () => {},
      onClose: () => (this.initiatorClosed = true),
    });
    this.forward = new ClientForward(
      world,
      this.client,
      (refused) => (this.ended = refused ? 'refused' : 'forwarded'),
    );
    this.forward.start(volumeConfig('v', { node: 'b', peers: { a: ['127.0.0.1:1'] } }), 'a');
    this.scheduler.runFor(10);
  }
}

describe('the front channel', () => {
  it('carries bytes both ways, for as long as it lasts', () => {
    const setting = new Setting();
    setting.initiator.write(Buffer.from('write 1'));
    setting.scheduler.runFor(10 * STALE_MS);
    setting.initiator.write(Buffer.from(', write 2'));
    setting.primary?.write(Buffer.from('good'));
    setting.scheduler.runFor(10);
    assert.equal(setting.told, 'write 1, write 2');
    assert.equal(setting.heard, 'good');
    setting.primary?.end();
    setting.scheduler.runFor(10);
    assert.ok(setting.initiatorClosed);
    assert.equal(setting.ended, 'forwarded');
  });

  it('refuses a client when the primary does not let itself be heard', () => {
    const setting = new Setting({ answers: false });
    setting.scheduler.runFor(3000);
    assert.equal(setting.ended, 'refused');
    assert.ok(!setting.client.isClosed);
  });

  it('drops what a link has held back for too long', () => {
    const setting = new Setting();
    setting.near.holds = true;
    setting.initiator.write(Buffer.from('late write'));
    setting.scheduler.runFor(STALE_MS + 2 * BEAT_MS);
    setting.near.release();
    setting.scheduler.runFor(10);
    assert.equal(setting.told, '');
    assert.ok(setting.primaryClosed);
  });

  it('drops what is always late, although the link is never silent', () => {
    const setting = new Setting();
    setting.near.latencyMs = STALE_MS + BEAT_MS;
    setting.initiator.write(Buffer.from('late write'));
    setting.scheduler.runFor(3 * STALE_MS);
    assert.equal(setting.told, '');
    assert.ok(setting.primaryClosed);
  });

  it('drops what has waited in a primary that stood still', () => {
    const setting = new Setting();
    setting.far.isPaused = true;
    setting.initiator.write(Buffer.from('late write'));
    setting.scheduler.runFor(10);
    // It wakes up, and reads before its timers run.
    setting.scheduler.nowMs += STALE_MS + 1;
    setting.far.resumeReading();
    setting.scheduler.runFor(10);
    assert.equal(setting.told, '');
    assert.ok(setting.primaryClosed);
  });

  it('forwards nothing that has waited in a forwarding process that stood still', () => {
    const setting = new Setting();
    setting.scheduler.nowMs += STALE_MS + 1;
    setting.client.arrive(Buffer.from('late write'));
    assert.equal(setting.ended, 'forwarded');
    setting.scheduler.runFor(10);
    assert.equal(setting.told, '');
  });

  it('forwards nothing that has waited while the primary took nothing', () => {
    const setting = new Setting();
    setting.near.takes = false;
    setting.initiator.write(Buffer.from('write'));
    setting.scheduler.runFor(10);
    assert.ok(setting.client.isPaused);
    setting.initiator.write(Buffer.from(' late write'));
    setting.scheduler.runFor(STALE_MS + BEAT_MS);
    setting.near.drain();
    setting.scheduler.runFor(10);
    assert.equal(setting.told, 'write');
    assert.equal(setting.ended, 'forwarded');
  });

  it('sends nothing more of a client that has gone', () => {
    const setting = new Setting();
    setting.initiator.end();
    setting.scheduler.runFor(10);
    assert.ok(setting.near.isClosed);
    assert.ok(setting.primaryClosed);
  });

  it('is refused when it is cut before the primary was heard, and ends the client afterwards', () => {
    const early = new Setting({ answers: false });
    early.forward.cut();
    assert.equal(early.ended, 'refused');
    const late = new Setting();
    late.forward.cut();
    late.scheduler.runFor(10);
    assert.equal(late.ended, 'forwarded');
    assert.ok(late.initiatorClosed);
  });

  it('reads frames however they are cut, and stays failed', () => {
    const bytes = Buffer.concat([
      frameHeader(0, 7),
      frameHeader(3, 8),
      Buffer.from('abc'),
      frameHeader(1 << 25, 9),
    ]);
    let seen = '';
    const frames = new FrontFrames({
      onFrame: (mark) => {
        seen += `<${mark}>`;
        return true;
      },
      onBytes: (part) => (seen += part.toString()),
    });
    const results = Array.from(bytes, (byte) => frames.decode(Buffer.from([byte])));
    assert.equal(seen, '<7><8>abc');
    assert.equal(results.at(-1), false);
    assert.equal(frames.decode(frameHeader(0, 1)), false);
  });
});
