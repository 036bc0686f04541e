import { EterneError } from '@eterne/base';
import type { Address, Stream, StreamHandler } from '@eterne/runtime';
import type { SimNetwork } from './network.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './process.ts';

/** What the two kernels hold of one direction before `write` begins to fill the sender's own memory. */
const WINDOW_BYTES = 512 * 1024;
const LOW_WATER_BYTES = 16 * 1024;
const HIGH_WATER_BYTES = 64 * 1024;
/** What a machine sent in its last moments is on the wire for at most this long. */
const WIRE_MS = 1;
/** Freed receive memory is overwritten with this, so that a kept view shows up as wrong data. */
const POISON = 0xdd;

/** What travels from one end to the other, in order. */
type Segment =
  { readonly kind: 'data'; readonly bytes: Buffer } | { readonly kind: 'fin' } | { readonly kind: 'reset' };

/**
 * One end of a simulated TCP connection. Bytes go from the writer's memory (`queued`) to the kernel (`flightBytes`, which
 * survive the process), over the link in order, into the receiver's kernel (`inbox`), and to its handler. A cut
 * link holds segments back and delivers them after it heals, as retransmission does; nobody is told.
 */
export class SimStream implements Stream {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly process: SimProcess;
  /** The other end; set once by `pair`. */
  peer!: SimStream;
  private readonly net: SimNetwork;
  readonly path: string;
  private handler: StreamHandler | undefined;
  private queued: Buffer[] = [];
  private queuedBytes = 0;
  private flightBytes = 0;
  /** Arrival time of the newest segment sent: later ones arrive later. */
  private lastArrivalMs = 0;
  /** Segments that arrived when the link was cut, oldest first. */
  private stalled: Segment[] = [];
  /** Delivered, but the acknowledgement cannot travel. */
  private unackedBytes = 0;
  private inbox: Segment[] = [];
  private corked = false;
  private reading = true;
  private needDrain = false;
  private ending = false;
  private finSent = false;
  private pumpPlanned = false;
  /** `closed`: this end sends nothing more; `gone`: not even a reset answers (its machine lost power). */
  private state: 'open' | 'closed' | 'gone' = 'open';
  private closeTold = false;
  /** After a power loss: what was on the wire until then still arrives. */
  private lastSignMs = Number.POSITIVE_INFINITY;

  constructor(
    net: SimNetwork,
    process: SimProcess,
    localAddress: Address,
    remoteAddress: Address,
    path: string,
  ) {
    this.net = net;
    this.path = path;
    this.process = process;
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
  }

  static pair(x: SimStream, y: SimStream): void {
    x.peer = y;
    y.peer = x;
  }

  get bufferedBytes(): number {
    return this.queuedBytes;
  }

  /** A second call stands for handing the socket to another process of the node. */
  start(handler: StreamHandler): void {
    this.handler = handler;
    this.process.later(0, () => this.drainInbox());
  }

  write(chunk: Buffer): boolean {
    if (this.state !== 'open' || this.ending || !this.process.alive) return true;
    if (chunk.length > 0) {
      this.queued.push(chunk);
      this.queuedBytes += chunk.length;
      this.planPump();
    }
    if (this.queuedBytes <= HIGH_WATER_BYTES) return true;
    this.needDrain = true;
    return false;
  }

  cork(): void {
    this.corked = true;
  }

  uncork(): void {
    this.corked = false;
    this.planPump();
  }

  pauseReading(): void {
    this.reading = false;
  }

  resumeReading(): void {
    if (this.reading) return;
    this.reading = true;
    this.process.later(0, () => this.drainInbox());
  }

  end(): void {
    if (this.state !== 'open' || this.ending || !this.process.alive) return;
    this.ending = true;
    this.corked = false;
    this.planPump();
  }

  destroy(): void {
    if (this.state !== 'open' || !this.process.alive) return;
    this.hangUp();
    this.process.later(0, () => this.tellClose(undefined));
  }

  /** The connection breaks: both ends hear of it, and what is on its way is lost. */
  breakOff(): void {
    for (const end of [this, this.peer]) end.broken();
  }

  private broken(): void {
    if (this.state !== 'open') return;
    this.state = 'closed';
    this.queued = [];
    this.queuedBytes = 0;
    this.inbox = [];
    this.net.forget(this);
    const error = new EterneError('unreachable', `the connection with ${this.remoteAddress} broke`);
    this.process.later(0, () => this.tellClose(error));
  }

  /** The process died: its kernel says goodbye, or, without power, nobody does. */
  ownerDied(cause: 'killed' | 'power'): void {
    if (this.state === 'gone') return;
    if (cause === 'power') {
      this.state = 'gone';
      this.lastSignMs = this.net.universe.nowMs + this.net.random.between(0, WIRE_MS);
      this.stalled = [];
      this.net.forget(this);
      return;
    }
    if (this.state === 'open') this.hangUp();
  }

  /** A segment of the peer arrives at this machine, or is tried again. */
  arrive(segment: Segment): void {
    const { net } = this;
    const from = this.peer;
    if (segment.kind !== 'reset' && net.universe.nowMs > from.lastSignMs) return;
    if (from.stalled.length > 0 || !from.reaches(this)) {
      from.stalled.push(segment);
      net.stall(from);
      return;
    }
    this.accept(segment);
  }

  /** The link may have healed: what was held back is sent again. */
  retransmit(): boolean {
    const to = this.peer;
    if (!this.reaches(to)) return false;
    const held = this.stalled;
    this.stalled = [];
    for (const segment of held) to.accept(segment);
    if (to.reaches(this)) this.acknowledge(0);
    return true;
  }

  /** The acknowledgements of this end's bytes that were held back travel now. */
  acknowledge(bytes: number): void {
    this.unackedBytes += bytes;
    if (!this.peer.reaches(this)) {
      this.net.stall(this);
      return;
    }
    this.flightBytes -= this.unackedBytes;
    this.unackedBytes = 0;
    if (this.queuedBytes > 0) this.planPump();
  }

  private reaches(other: SimStream): boolean {
    return this.net.passes(this.process.node, other.process.node, this.path);
  }

  private accept(segment: Segment): void {
    if (this.state !== 'open' || !this.process.alive) {
      if (segment.kind !== 'reset' && this.process.node.poweredOn) this.send({ kind: 'reset' });
      return;
    }
    if (segment.kind === 'data') this.peer.acknowledge(segment.bytes.length);
    this.inbox.push(segment);
    this.process.enter(() => this.drainInbox());
  }

  private drainInbox(): void {
    const { handler } = this;
    if (handler === undefined) return;
    while (this.state === 'open' && this.process.alive) {
      const [segment] = this.inbox;
      if (segment === undefined || (segment.kind === 'data' && !this.reading)) return;
      this.inbox.shift();
      if (segment.kind === 'data') this.deliver(handler, segment.bytes);
      else this.finish(segment.kind);
    }
  }

  /** Hands bytes over in one piece or several, and takes the memory back. */
  private deliver(handler: StreamHandler, bytes: Buffer): void {
    const cut = this.net.random.chance(0.05) ? this.net.random.below(bytes.length) : 0;
    if (cut > 0) handler.onData(bytes.subarray(0, cut));
    if (this.state === 'open' && this.process.alive) handler.onData(bytes.subarray(cut));
    bytes.fill(POISON);
  }

  private finish(kind: 'fin' | 'reset'): void {
    const answer = kind === 'fin' && this.state === 'open';
    this.state = 'closed';
    this.net.forget(this);
    if (answer && !this.ending) this.send({ kind: 'fin' });
    this.tellClose(
      kind === 'fin'
        ? undefined
        : new EterneError('unreachable', `${this.remoteAddress} reset the connection`),
    );
  }

  private tellClose(error: EterneError | undefined): void {
    if (this.closeTold) return;
    this.closeTold = true;
    this.handler?.onClose(error);
  }

  /** Closes this end: what the kernel has still goes out, sometimes cut short by a reset. */
  private hangUp(): void {
    this.queued = [];
    this.queuedBytes = 0;
    this.inbox = [];
    this.state = 'closed';
    this.net.forget(this);
    this.send({ kind: this.net.random.chance(0.5) ? 'reset' : 'fin' });
  }

  private planPump(): void {
    if (this.pumpPlanned || this.corked || this.state !== 'open') return;
    this.pumpPlanned = true;
    this.net.universe.scheduler.after(0, () => {
      this.pumpPlanned = false;
      this.pump();
    });
  }

  /** Moves what the window has room for from the writer's memory to the kernel, as one segment. */
  private pump(): void {
    if (this.state !== 'open' || !this.process.alive) return;
    const taken: Buffer[] = [];
    let bytes = 0;
    for (const chunk of this.queued) {
      if (this.flightBytes + bytes >= WINDOW_BYTES) break;
      taken.push(chunk);
      bytes += chunk.length;
    }
    this.queued.splice(0, taken.length);
    if (bytes > 0) {
      this.queuedBytes -= bytes;
      this.flightBytes += bytes;
      this.send({ kind: 'data', bytes: Buffer.concat(taken, bytes) });
    }
    if (this.needDrain && this.queuedBytes < LOW_WATER_BYTES) {
      this.needDrain = false;
      this.process.later(0, () => {
        if (this.state === 'open') this.handler?.onDrain();
      });
    }
    if (this.ending && this.queuedBytes === 0 && !this.finSent) {
      this.finSent = true;
      this.send({ kind: 'fin' });
    }
  }

  private send(segment: Segment): void {
    const { net } = this;
    const link = net.linkBetween(this.process.node, this.peer.process.node, this.path);
    const size = segment.kind === 'data' ? segment.bytes.length : 0;
    if (segment.kind === 'data' && link.corruption > 0 && net.random.chance(link.corruption))
      corrupt(segment.bytes, net.random);
    const { scheduler } = net.universe;
    const arrival = Math.max(
      this.lastArrivalMs,
      scheduler.nowMs + net.random.between(link.latencyMs[0], link.latencyMs[1]) + size / link.bytesPerMs,
    );
    this.lastArrivalMs = arrival;
    net.universe.trace.mix(size);
    // A reset is sent once; everything else again and again until the link lets it through.
    if (segment.kind === 'reset') {
      const { peer } = this;
      scheduler.after(arrival - scheduler.nowMs, () => {
        if (this.reaches(peer)) peer.arrive(segment);
      });
      return;
    }
    scheduler.after(arrival - scheduler.nowMs, () => this.peer.arrive(segment));
  }
}

function corrupt(bytes: Buffer, chance: Prng): void {
  const at = chance.below(bytes.length);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << chance.below(8)), at);
}
