/**
 * Messages to one member, over one connection at a time, on whichever of its addresses answers.
 *
 * ```
 *  idle ──send──▶ dialing(address i) ──connected──▶ greeting ──proven──▶ open
 *   ▲                 │ failed: next address          │ refused             │ closed, or unconfirmed for too long
 *   └── nothing to ───┴──── after all: wait ≤ RETRY ◀──┴─────────────────────┘
 *       send for long                       ≤ RETRY: 100 ms; 1 s after 30 rounds, until the member is heard (`heard`)
 * ```
 * The other side confirms what it has received (`received u64`, sealed), so that a path that swallows bytes is noticed and left.
 */
import { EterneError } from '@eterne/base';
import type { Address, Stream, Timer, TlsIdentity, World } from '@eterne/runtime';
import type { Drops } from '../../heart/drops.ts';
import type { MemberId, RaftTiming } from '../types.ts';
import { FrameSeal, FrameSplitter, plainFrame } from './frames.ts';
import type { SessionKeys } from './handshake.ts';
import { Dialer, HANDSHAKE_MAX_BYTES } from './handshake.ts';

export interface LinkOptions {
  readonly world: Pick<World, 'clock' | 'timers' | 'random' | 'network' | 'log'>;
  readonly cluster: string;
  readonly clusterKey: Buffer;
  readonly self: MemberId;
  readonly timing: () => RaftTiming;
  /** Where a member listens now, one address per path, in order of preference. */
  readonly addressesOf: (member: MemberId) => readonly Address[];
  readonly tls?: TlsIdentity;
}

const RETRY_MS = 100;
/** A member that answers nowhere after so many rounds of its addresses is away for longer, and every attempt costs. */
const QUICK_ROUNDS = 30;
const SLOW_RETRY_MS = 1000;
/** While there is no connection the newest messages wait, the older are dropped: Raft repeats what matters. */
const WAITING_MAX = 64;
const WAITING_MAX_BYTES = 4 * 1024 * 1024;
const UNSENT_MAX_BYTES = 8 * 1024 * 1024;
export const CONFIRMATION_BYTES = 8;
/** How often silence is looked for within what is waited for at most. */
const LOOKS_PER_PATIENCE = 4;

/** Of a connection that has no other path beside it. */
const ALONE_PATIENCE_MS_MIN = 2000;

/**
 * A silent connection is left well within an election timeout: for another path, or for a new connection, because TCP waits longer and longer between its
 * attempts. With a single path to go to a new one would not come faster than TCP's first attempts.
 */
export function patienceMs({ heartbeatMs }: RaftTiming, addressCount: number): number {
  return Math.max(4 * heartbeatMs, addressCount > 1 ? 0 : ALONE_PATIENCE_MS_MIN);
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'dialing' }
  | { readonly kind: 'greeting'; readonly stream: Stream; readonly limit: Timer }
  | { readonly kind: 'open'; readonly stream: Stream; readonly seal: FrameSeal; readonly watch: Timer }
  | { readonly kind: 'waiting'; readonly timer: Timer; readonly delayMs: number }
  | { readonly kind: 'closed' };

export class OutboundLink {
  readonly #options: LinkOptions;
  readonly #to: MemberId;
  readonly #drops: Drops;
  #state: State = { kind: 'idle' };
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Which address next. */
  #turn = 0;
  /** Rounds of addresses since it was open, all of them in vain. */
  #failedRounds = 0;
  #sent = 0;
  #confirmed = 0;
  /** Since when the oldest unconfirmed message waits. */
  #unconfirmedSinceMs = 0;
  /** One warning until it has worked again. */
  #warned = false;

  constructor(options: LinkOptions, to: MemberId, drops: Drops) {
    this.#options = options;
    this.#to = to;
    this.#drops = drops;
  }

  send(message: Buffer): void {
    if (this.#state.kind === 'closed') return;
    if (this.#state.kind === 'open') return this.#write(this.#state.stream, this.#state.seal, message);
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    while (this.#waiting.length > WAITING_MAX || this.#waitingBytes > WAITING_MAX_BYTES)
      this.#waitingBytes -= this.#waiting.shift()?.length ?? 0;
    if (this.#state.kind === 'idle') this.#dial();
    return undefined;
  }

  /** The member has said something: it is there. */
  heard(): void {
    this.#failedRounds = 0;
    if (this.#state.kind !== 'waiting' || this.#state.delayMs <= RETRY_MS) return;
    this.#state.timer.cancel();
    this.#retry();
  }

  close(): void {
    this.#leave({ kind: 'closed' });
  }

  #write(stream: Stream, seal: FrameSeal, message: Buffer): void {
    if (stream.bufferedBytes > UNSENT_MAX_BYTES) return;
    if (this.#sent === this.#confirmed) this.#unconfirmedSinceMs = this.#options.world.clock.bootMs();
    this.#sent += 1;
    stream.write(seal.seal(message));
  }

  #dial(): void {
    const { world, tls } = this.#options;
    const addresses = this.#options.addressesOf(this.#to);
    const address = addresses[this.#turn % Math.max(1, addresses.length)];
    if (address === undefined) return this.#retryLater();
    this.#state = { kind: 'dialing' };
    const timeoutMs = this.#patienceMs(addresses.length);
    world.network.connect(address, { timeoutMs, ...(tls && { tls }) }, (stream) => {
      if (this.#state.kind === 'closed') {
        if (!(stream instanceof EterneError)) stream.destroy();
      } else if (stream instanceof EterneError) this.#leaveAddress(address);
      else this.#greet(stream, address, addresses.length);
    });
    return undefined;
  }

  #patienceMs(addressCount: number): number {
    return patienceMs(this.#options.timing(), addressCount);
  }

  /** For the next one of what are its addresses now: at once, and after the last one with a pause. */
  #leaveAddress(address: Address): void {
    const addresses = this.#options.addressesOf(this.#to);
    const at = addresses.indexOf(address);
    this.#turn = at + 1;
    if (this.#turn === addresses.length) this.#retryLater();
    else this.#dial();
  }

  #retryLater(): void {
    this.#failedRounds += 1;
    const delayMs = this.#failedRounds > QUICK_ROUNDS ? SLOW_RETRY_MS : RETRY_MS;
    const timer = this.#options.world.timers.after(delayMs, () => this.#retry());
    this.#state = { kind: 'waiting', timer, delayMs };
  }

  #retry(): void {
    if (this.#waiting.length > 0) this.#dial();
    else this.#state = { kind: 'idle' };
  }

  #greet(stream: Stream, address: Address, addressCount: number): void {
    const { world, cluster, clusterKey, self } = this.#options;
    const dialer = new Dialer(clusterKey, { cluster, from: self, to: this.#to }, world.random.bytes(32));
    const limit = world.timers.after(this.#patienceMs(addressCount), () => stream.destroy());
    this.#state = { kind: 'greeting', stream, limit };
    const frames = new FrameSplitter(HANDSHAKE_MAX_BYTES);
    let receipts: FrameSeal | undefined;
    stream.start({
      onData: (chunk) => {
        frames.push(chunk);
        for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
          const keys =
            frame instanceof EterneError ? undefined : this.#onFrame(stream, dialer, receipts, frame);
          if (keys === undefined) return stream.destroy();
          if (keys === 'confirmed') continue;
          frames.expectSealed(CONFIRMATION_BYTES);
          receipts = new FrameSeal(keys.toDialer);
          this.#open(stream, keys, address, addressCount);
        }
        return undefined;
      },
      onDrain: () => {},
      onClose: () => this.#onClose(stream, address),
    });
    stream.write(plainFrame(dialer.hello));
  }

  /** The keys from the challenge, `confirmed` from a confirmation, undefined when the stream is to be dropped. */
  #onFrame(
    stream: Stream,
    dialer: Dialer,
    receipts: FrameSeal | undefined,
    frame: Buffer,
  ): SessionKeys | 'confirmed' | undefined {
    if (receipts) {
      const payload = receipts.open(frame);
      if (payload?.length !== CONFIRMATION_BYTES) {
        this.#drops.count('forged');
        return undefined;
      }
      this.#onConfirmed(Number(payload.readBigUInt64LE()));
      return 'confirmed';
    }
    const answer = dialer.answer(frame);
    if (answer instanceof EterneError) {
      this.#drops.count('forged');
      if (!this.#warned)
        this.#options.world.log('warn', answer.message, { peer: this.#to, address: stream.remoteAddress });
      this.#warned = true;
      return undefined;
    }
    stream.write(plainFrame(answer.proof));
    return answer.keys;
  }

  /** It is left when it is silent for too long, or leads to what is no address of the member any more. */
  #open(stream: Stream, keys: SessionKeys, address: Address, addressCount: number): void {
    const { world, addressesOf } = this.#options;
    if (this.#state.kind === 'greeting') this.#state.limit.cancel();
    const seal = new FrameSeal(keys.toAcceptor);
    const watch = world.timers.every(this.#patienceMs(addressCount) / LOOKS_PER_PATIENCE, () => {
      const silentMs = this.#sent > this.#confirmed ? world.clock.bootMs() - this.#unconfirmedSinceMs : 0;
      const isWanted = addressesOf(this.#to).includes(address);
      if (silentMs > this.#patienceMs(addressCount) || !isWanted) stream.destroy();
    });
    this.#state = { kind: 'open', stream, seal, watch };
    this.#sent = 0;
    this.#confirmed = 0;
    this.#failedRounds = 0;
    this.#warned = false;
    for (const message of this.#waiting) this.#write(stream, seal, message);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #onConfirmed(received: number): void {
    if (received <= this.#confirmed || received > this.#sent) return;
    this.#confirmed = received;
    this.#unconfirmedSinceMs = this.#options.world.clock.bootMs();
  }

  #onClose(stream: Stream, address: Address): void {
    const { kind } = this.#state;
    if ((kind !== 'greeting' && kind !== 'open') || this.#state.stream !== stream) return;
    this.#leave({ kind: 'idle' });
    this.#leaveAddress(address);
  }

  #leave(next: State): void {
    const state = this.#state;
    this.#state = next;
    if (state.kind === 'greeting') state.limit.cancel();
    if (state.kind === 'open') state.watch.cancel();
    if (state.kind === 'waiting') state.timer.cancel();
    if (state.kind === 'greeting' || state.kind === 'open') state.stream.destroy();
  }
}
