/** `node nbd-serve.ts ADDRESS (null | FILE) SIZE`: serves export `v0` by hand, for trying tools and measuring. */
import { EterneError, parseSizeBytes } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { BlockDevice } from '@eterne/runtime';
import { ByteDevice } from '../../src/nbd/byte-device.ts';
import { NbdServer } from '../../src/nbd/server.ts';
import { nullDevice, plainDevice } from './plain-device.ts';

const [address = '', store = '', size = ''] = process.argv.slice(2);
const world = createNodeWorld('nbd-serve');

function serve(device: BlockDevice): void {
  NbdServer.listen(world, address, 'v0', (server) => {
    if (server instanceof EterneError) throw server;
    server.serve(new ByteDevice(device));
    process.stdout.write(`serving ${server.address}\n`);
  });
}

if (store === 'null') serve(nullDevice('v0', parseSizeBytes(size)));
else
  world.stores.open(store, { createSizeBytes: parseSizeBytes(size) }, (opened) => {
    if (opened instanceof EterneError) throw opened;
    serve(plainDevice('v0', opened));
  });
