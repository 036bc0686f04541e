/** Connections between the front ends of one volume on two nodes; they arrive where replication connections do. */
import { EterneError } from '@eterne/base';
import type { Stream, Timer, World } from '@eterne/runtime';
import type { VolumeConfig } from '../engine/api.ts';
import { secureLink } from '../engine/link/secure-link.ts';
import { BEAT_MS, FrontStream, STALE_MS } from './front-stream.ts';
import { encodeChannelPreface, type Channel } from './preface.ts';

const CONNECT_TIMEOUT_MS = 1000;
/** Time the primary gets to let itself be heard: it serves, and the client may speak. */
const READY_TIMEOUT_MS = 2000;

type ChannelWorld = Pick<World, 'network' | 'timers' | 'log'>;
type ForwardWorld = ChannelWorld & Pick<World, 'clock'>;

/** Tries the peer's addresses one after the other. */
export function dialChannel(
  world: ChannelWorld,
  config: VolumeConfig,
  node: string,
  channel: Exclude<Channel, { kind: 'mirror' }>,
  done: (result: Stream | EterneError) => void,
): void {
  const addresses = config.peers[node] ?? [];
  const dial = (index: number, last: EterneError): void => {
    const address = addresses[index];
    if (address === undefined) return done(last);
    world.network.connect(address, { timeoutMs: CONNECT_TIMEOUT_MS }, (stream) => {
      if (stream instanceof EterneError) return dial(index + 1, stream);
      stream.write(encodeChannelPreface(config.name, config.node, channel));
      secureLink(world, config, stream, { side: 'dialer', peerName: node }, done);
    });
  };
  dial(0, new EterneError('unreachable', `${node} is no peer of ${config.name}`));
}

/**
 * A client that is handed on to the front end of the node that is primary: bytes in both directions, each side read only as fast as the
 * other takes it, and the end of one is the end of the other.
 * ```
 *   dialing ──the primary is heard──▶ forwarding ──either side ends, or `cut`──▶ ended
 *      └── no connection, not heard, `cut`: refused; nothing has been read from the client
 * ```
 * What the client sent may not wait here for longer than `STALE_MS` (see front-stream.ts): a process that stood still, or a client that was not read for so
 * long, ends it. When the client goes, nothing of it is sent any more.
 */
export class ClientForward {
  readonly #world: ForwardWorld;
  readonly #client: Stream;
  readonly #onEnd: (refused: boolean) => void;
  #primary: FrontStream | undefined;
  #deadline: Timer | undefined;
  #clock: Timer | undefined;
  /** When the client's bytes were last known to be fresh. */
  #freshBootMs = 0;
  #clientPaused = false;
  #state: 'dialing' | 'forwarding' | 'ended' = 'dialing';

  /** `onEnd(true)`: refused. Last event. */
  constructor(world: ForwardWorld, client: Stream, onEnd: (refused: boolean) => void) {
    this.#world = world;
    this.#client = client;
    this.#onEnd = onEnd;
  }

  /** Once. */
  start(config: VolumeConfig, node: string): void {
    dialChannel(this.#world, config, node, { kind: 'front', portal: this.#client.localAddress }, (stream) => {
      if (stream instanceof EterneError) this.#end();
      else if (this.#state === 'ended') stream.destroy();
      else this.#await(stream);
    });
  }

  /** Refused while dialing. */
  cut(): void {
    this.#end();
  }

  #await(stream: Stream): void {
    const side = { kind: 'forwarder', onReady: () => this.#forward() } as const;
    const primary = new FrontStream(stream, this.#world, side);
    this.#primary = primary;
    this.#deadline = this.#world.timers.after(READY_TIMEOUT_MS, () => this.#end());
    primary.start({
      onData: (bytes) => {
        // `bytes` is only lent, so it is copied.
        if (!this.#client.write(Buffer.from(bytes))) primary.pauseReading();
      },
      onDrain: () => this.#drained(),
      onClose: () => this.#end(),
    });
  }

  #forward(): void {
    this.#state = 'forwarding';
    this.#deadline?.cancel();
    this.#freshBootMs = this.#world.clock.bootMs();
    this.#clock = this.#world.timers.every(BEAT_MS, () => {
      if (!this.#clientPaused) this.#freshBootMs = this.#world.clock.bootMs();
    });
    this.#client.start({
      onData: (bytes) => this.#fromClient(bytes),
      onDrain: () => this.#primary?.resumeReading(),
      onClose: () => this.#end(),
    });
  }

  #fromClient(bytes: Buffer): void {
    if (this.#state === 'ended') return;
    const nowBootMs = this.#world.clock.bootMs();
    if (nowBootMs - this.#freshBootMs > STALE_MS) return this.#end();
    this.#freshBootMs = nowBootMs;
    if (this.#primary?.write(Buffer.from(bytes)) !== false) return;
    this.#clientPaused = true;
    this.#client.pauseReading();
  }

  #drained(): void {
    if (!this.#clientPaused) return;
    this.#clientPaused = false;
    this.#client.resumeReading();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    const wasForwarding = this.#state === 'forwarding';
    this.#state = 'ended';
    this.#deadline?.cancel();
    this.#clock?.cancel();
    this.#primary?.destroy();
    if (wasForwarding) this.#endClient();
    this.#onEnd(!wasForwarding);
  }

  /** It gets what the primary said last; its own end is seen only while it is read. */
  #endClient(): void {
    this.#client.end();
    this.#client.resumeReading();
    this.#world.timers.after(STALE_MS, () => this.#client.destroy());
  }
}
