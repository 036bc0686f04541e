import { EterneError } from '@eterne/base';
import type { Network, Stream, StreamHandler, Timers } from '@eterne/runtime';
import { streamPair } from './leg-stream.ts';

type Accept = (stream: Stream, from: string) => void;

/** The network of one process, on which the devices of a joined volume are each other's peers: an address is a device's name. */
export class LegNetwork {
  readonly #timers: Timers;
  readonly #doors = new Map<string, Accept>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** From now on others reach this device. */
  open(leg: string, accept: Accept): void {
    this.#doors.set(leg, accept);
  }

  close(leg: string): void {
    this.#doors.delete(leg);
  }

  /** What `leg` sees of it. */
  portOf(leg: string): Network {
    const refused = (): EterneError =>
      new EterneError('unsupported', 'only the devices of one volume are here');
    return {
      connect: (address, _options, done) => {
        this.#timers.soon(() => {
          const accept = this.#doors.get(address);
          if (accept === undefined) return done(new EterneError('unreachable', `${address} is not open`));
          const [opened, accepted] = streamPair(this.#timers, leg, address);
          done(withoutPreface(opened));
          accept(accepted, leg);
        });
      },
      listen: (_address, _onStream, done) => this.#timers.soon(() => done(refused())),
      secure: (_stream, _options, done) => this.#timers.soon(() => done(refused())),
      datagram: (_bind, _onMessage, done) => this.#timers.soon(() => done(refused())),
    };
  }
}

/** A dialer's first write says who it is and what it wants; both are known here. */
function withoutPreface(stream: Stream): Stream {
  let isFirst = true;
  return {
    localAddress: stream.localAddress,
    remoteAddress: stream.remoteAddress,
    get bufferedBytes() {
      return stream.bufferedBytes;
    },
    start: (handler: StreamHandler) => stream.start(handler),
    write(chunk) {
      const isPreface = isFirst;
      isFirst = false;
      return isPreface ? true : stream.write(chunk);
    },
    cork: () => stream.cork(),
    uncork: () => stream.uncork(),
    pauseReading: () => stream.pauseReading(),
    resumeReading: () => stream.resumeReading(),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
  };
}
