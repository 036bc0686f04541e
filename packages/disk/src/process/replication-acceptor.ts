/**
 * Accepts replication connections for all volumes of a node, reads no more than the preface, and hands each to its volume.
 * Strangers, and peers of volumes that are not here, are dropped without an answer.
 */
import type { EterneError } from '@eterne/base';
import type { Address, Listener, Stream, World } from '@eterne/runtime';
import { PREFACE_TIMEOUT_MS, PrefaceDecoder, type Preface } from './preface.ts';

/** Connections that have not yet said what they want. */
const MAX_UNKNOWN_CONNECTIONS = 256;
/** A dialer is silent after its preface until it is greeted; a few early bytes are forgiven. */
const MAX_SURPLUS_BYTES = 1024;

export type GiveStream = (preface: Preface, stream: Stream, surplus: Buffer) => void;

export function acceptReplication(
  world: Pick<World, 'network' | 'timers'>,
  address: Address,
  give: GiveStream,
  done: (result: Listener | EterneError) => void,
): void {
  let unknown = 0;
  const accept = (stream: Stream): void => {
    if (unknown >= MAX_UNKNOWN_CONNECTIONS) return stream.destroy();
    unknown += 1;
    readPreface(world, stream, give, () => (unknown -= 1));
  };
  world.network.listen(address, accept, done);
}

/** `settled` is called once, when the connection is handed over or lost. */
function readPreface(
  world: Pick<World, 'timers'>,
  stream: Stream,
  give: GiveStream,
  settled: () => void,
): void {
  const decoder = new PrefaceDecoder();
  const deadline = world.timers.after(PREFACE_TIMEOUT_MS, () => stream.destroy());
  let reading = true;
  const settle = (): void => {
    if (!reading) return;
    reading = false;
    deadline.cancel();
    settled();
  };
  stream.start({
    onData(chunk) {
      if (!reading) return;
      const event = decoder.push(chunk);
      if (event.kind === 'more') return;
      settle();
      if (event.kind === 'failed' || event.surplus.length > MAX_SURPLUS_BYTES) return stream.destroy();
      stream.pauseReading();
      give(event.preface, stream, event.surplus);
    },
    onDrain() {},
    onClose: settle,
  });
}
