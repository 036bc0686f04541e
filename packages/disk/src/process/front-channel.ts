/** Connections between the front ends of one volume on two nodes; they arrive where replication connections do. */
import { EterneError } from '@eterne/base';
import type { Stream, World } from '@eterne/runtime';
import type { VolumeConfig } from '../engine/api.ts';
import { secureLink } from '../engine/link/secure-link.ts';
import { encodeChannelPreface, type Channel } from './preface.ts';

const CONNECT_TIMEOUT_MS = 1000;
/** The primary's first words on a `front` channel: it serves, and the client may speak. */
export const GREETING = Buffer.from('OK\n');
const GREETING_TIMEOUT_MS = 2000;

type ChannelWorld = Pick<World, 'network' | 'timers' | 'log'>;

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
 * Hands a client on to the front end of `node`: bytes in both directions, each side read only as fast as the other takes it, and the end of one
 * is the end of the other. `refused` when that node does not greet; nothing has been read from the client then.
 */
export function forwardClient(
  world: ChannelWorld,
  config: VolumeConfig,
  node: string,
  client: Stream,
  refused: () => void,
): void {
  dialChannel(world, config, node, { kind: 'front', portal: client.localAddress }, (primary) => {
    if (primary instanceof EterneError) return refused();
    let greeted = false;
    const deadline = world.timers.after(GREETING_TIMEOUT_MS, () => primary.destroy());
    primary.start({
      onData(chunk) {
        if (greeted) return pass(chunk, primary, client);
        if (!chunk.equals(GREETING)) return primary.destroy();
        greeted = true;
        deadline.cancel();
        client.start({
          onData: (bytes) => pass(bytes, client, primary),
          onDrain: () => primary.resumeReading(),
          onClose: () => primary.end(),
        });
      },
      onDrain: () => client.resumeReading(),
      onClose() {
        deadline.cancel();
        if (greeted) client.end();
        else refused();
      },
    });
  });
}

/** `chunk` is only lent, so it is copied. */
function pass(chunk: Buffer, from: Stream, to: Stream): void {
  if (!to.write(Buffer.from(chunk))) from.pauseReading();
}
