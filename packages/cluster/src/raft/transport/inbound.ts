/**
 * A connection on which another member sends to this one: proven first, then one message per frame, confirmed by count. A confirmation leaves with a
 * message that goes the other way (`confirmWith`), or after a while: by itself it would wake up the other side for little. And no more often than who waits
 * for it needs (`patienceMs`), for to each message one would cost as much as all heartbeats.
 */
import { EterneError } from '@eterne/base';
import type { Stream, Timer } from '@eterne/runtime';
import type { DropReason, Drops } from '../../heart/drops.ts';
import type { MemberId } from '../types.ts';
import { FrameSeal, FrameSplitter, MESSAGE_MAX_BYTES, plainFrame } from './frames.ts';
import { Acceptor, HANDSHAKE_MAX_BYTES } from './handshake.ts';
import type { LinkOptions } from './outbound.ts';
import { CONFIRMATION_BYTES, patienceMs } from './outbound.ts';

/** To say who one is: so many election timeouts, as the other side waits, too. */
const GREETING_LIMIT_ELECTIONS = 2;
/** Of what the other side waits: with a message of ours no sooner than the first, by itself after the second. */
const WITH_MESSAGE_SHARE = 1 / 4;
const BY_ITSELF_SHARE = 3 / 8;
/** Before this node knows its own addresses the other side may know several. */
const SEVERAL = 2;

type State =
  | { readonly kind: 'hello' }
  | { readonly kind: 'proof'; readonly from: MemberId }
  | {
      readonly kind: 'open';
      readonly from: MemberId;
      readonly messages: FrameSeal;
      readonly receipts: FrameSeal;
    }
  /** Nothing more is believed of this stream. */
  | { readonly kind: 'refused' };

interface Refused {
  readonly why: DropReason;
  readonly error: EterneError;
}

export class InboundLink {
  readonly #options: LinkOptions;
  readonly #stream: Stream;
  readonly #drops: Drops;
  readonly #acceptor: Acceptor;
  readonly #frames = new FrameSplitter(HANDSHAKE_MAX_BYTES);
  readonly #onMessage: (from: MemberId, message: Buffer) => void;
  readonly #limit: Timer;
  #state: State = { kind: 'hello' };
  #received = 0;
  #confirmed = 0;
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #confirmLate: Timer | undefined;

  constructor(
    options: LinkOptions,
    stream: Stream,
    drops: Drops,
    onMessage: (from: MemberId, message: Buffer) => void,
    onClose: (from: MemberId | undefined) => void,
  ) {
    const { world, clusterKey } = options;
    this.#options = options;
    this.#stream = stream;
    this.#drops = drops;
    this.#onMessage = onMessage;
    this.#acceptor = new Acceptor(clusterKey, world.random.bytes(32));
    this.#limit = world.timers.after(GREETING_LIMIT_ELECTIONS * options.timing().electionMaxMs, () =>
      stream.destroy(),
    );
    stream.start({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => {},
      onClose: () => {
        const { from } = this;
        this.#limit.cancel();
        this.#confirmLate?.cancel();
        this.#state = { kind: 'refused' };
        onClose(from);
      },
    });
  }

  /** Who sends here, once that is proven. */
  get from(): MemberId | undefined {
    return this.#state.kind === 'open' ? this.#state.from : undefined;
  }

  /** As an address has it: an IPv6 address in brackets. */
  get remoteHost(): string {
    const { remoteAddress } = this.#stream;
    return remoteAddress.slice(0, remoteAddress.lastIndexOf(':'));
  }

  close(): void {
    this.#stream.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#frames.push(chunk);
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
      if (this.#state.kind === 'refused') return;
      const refusal =
        frame instanceof EterneError ? { why: 'malformed' as const, error: frame } : this.#onFrame(frame);
      if (refusal) return this.#refuse(refusal);
    }
    if (this.#received > this.#confirmed)
      this.#confirmLate ??= this.#options.world.timers.after(BY_ITSELF_SHARE * this.#patienceMs, () =>
        this.#confirm(),
      );
    return undefined;
  }

  #onFrame(frame: Buffer): Refused | undefined {
    switch (this.#state.kind) {
      case 'hello':
        return this.#onHello(frame);
      case 'proof':
        return this.#onProof(frame, this.#state.from);
      case 'open': {
        const message = this.#state.messages.open(frame);
        if (!message)
          return {
            why: 'forged',
            error: new EterneError('protocol', 'a frame of the log’s transport fails its check'),
          };
        this.#received += 1;
        this.#onMessage(this.#state.from, message);
        return undefined;
      }
      case 'refused':
        return undefined;
    }
  }

  #onHello(frame: Buffer): Refused | undefined {
    const { cluster, self } = this.#options;
    const result = this.#acceptor.challenge(frame);
    if (result instanceof EterneError)
      return { why: result.code === 'unsupported' ? 'version' : 'malformed', error: result };
    const { hello, challenge } = result;
    if (hello.cluster !== cluster || hello.to !== self)
      return {
        why: 'foreign',
        error: new EterneError(
          'unauthorized',
          `${hello.from} looks for ${hello.to} of cluster ${hello.cluster} here`,
        ),
      };
    this.#state = { kind: 'proof', from: hello.from };
    this.#stream.write(plainFrame(challenge));
    return undefined;
  }

  #onProof(frame: Buffer, from: MemberId): Refused | undefined {
    const keys = this.#acceptor.accept(frame);
    if (keys instanceof EterneError) return { why: 'forged', error: keys };
    this.#limit.cancel();
    this.#frames.expectSealed(MESSAGE_MAX_BYTES);
    const messages = new FrameSeal(keys.toAcceptor);
    this.#state = { kind: 'open', from, messages, receipts: new FrameSeal(keys.toDialer) };
    return undefined;
  }

  /** How long the other side waits for a confirmation before it leaves this way. */
  get #patienceMs(): number {
    const { timing, addressesOf, self } = this.#options;
    return patienceMs(timing(), addressesOf(self).length || SEVERAL);
  }

  /** A message leaves for the other side. */
  confirmWith(): void {
    const sinceMs = this.#options.world.clock.bootMs() - this.#confirmedMs;
    if (sinceMs >= WITH_MESSAGE_SHARE * this.#patienceMs) this.#confirm();
  }

  /** What has been received and not been confirmed yet. */
  #confirm(): void {
    if (this.#state.kind !== 'open' || this.#received === this.#confirmed) return;
    this.#confirmedMs = this.#options.world.clock.bootMs();
    this.#confirmLate?.cancel();
    this.#confirmLate = undefined;
    this.#confirmed = this.#received;
    const payload = Buffer.alloc(CONFIRMATION_BYTES);
    payload.writeBigUInt64LE(BigInt(this.#received));
    this.#stream.write(this.#state.receipts.seal(payload));
  }

  #refuse({ why, error }: Refused): void {
    this.#drops.count(why);
    this.#state = { kind: 'refused' };
    this.#options.world.log('debug', error.message, { address: this.#stream.remoteAddress });
    this.#stream.destroy();
  }
}
